//! Use cases, started by a client of the API (`chat`, `session`, `api_key`) or by WhatsApp (`inbound`). Each requires
//! its capability, lets `domain` decide, and stores row and change in one unit of work.

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

pub use config::Limits;
pub use config::RetentionConfig;
