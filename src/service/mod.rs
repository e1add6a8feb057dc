//! Use cases: what a caller of the API (`chat`, `session`) or WhatsApp (`inbound`) makes happen. Each requires its
//! capability, lets `domain` decide, and stores row and change in one unit of work.

pub mod chat;
pub mod error;
pub mod inbound;
pub mod session;
