//! Use cases, started by a client of the API (`chat`, `session`, `call`, `api_key`), by WhatsApp (`inbound`) or by time
//! (`background`). Called by `graphql`; `server` starts the tasks. A use case of a client requires its capability. Each
//! lets `domain` decide, and stores row and change in one unit of work.
//!
//! `action_rate` limits actions that WhatsApp notices, `audit` logs changes of keys and sessions, and `idempotency`
//! recognizes repeated requests. To add a use case, add a method to the file of its subject.

mod action_rate;
pub mod api_key;
pub mod audit;
pub mod background;
pub mod call;
pub mod chat;
mod config;
pub mod error;
mod idempotency;
pub mod inbound;
pub mod session;

pub use config::{Limits, RetentionConfig};
