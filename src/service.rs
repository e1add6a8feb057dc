//! Use cases, started by a client of the API (`chat`, `session`, `key`) or by WhatsApp (`inbound`). Each requires its
//! capability, lets `domain` decide, and stores row and change in one unit of work.

pub mod audit;
pub mod call;
pub mod call_news;
mod call_replies;
mod call_ringing;
pub mod chat;
mod chat_delete;
mod chat_update;
pub mod error;
mod idempotency;
pub mod inbound;
mod inbound_archive;
mod inbound_chat;
mod inbound_contact;
mod inbound_history;
mod inbound_join;
pub mod inbound_metrics;
mod inbound_person;
mod inbound_rewriting;
mod inbound_session;
mod inbound_split;
pub mod key;
mod limits;
pub mod mutes;
mod pauses;
pub mod quarantine;
mod reading;
mod refusal;
pub mod retention;
pub mod session;
pub mod session_follow;
mod session_life;
mod session_log;
pub mod session_news;
mod session_reader;
pub mod sweeper;

pub use limits::Limits;
