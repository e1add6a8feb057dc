//! The domain: ids, addresses, chats, messages, sessions, changes. Pure: no async, no I/O, and no dependency on another
//! module. Rules about WhatsApp and the API belong here and are called from elsewhere.

pub mod action;
pub mod allowance;
pub mod call;
pub mod capability;
pub mod change;
pub mod chat;
pub mod clock;
pub mod cursor;
pub mod horizon;
pub mod id;
pub mod idempotency;
pub mod jid;
pub mod join;
pub mod key;
pub mod list;
pub mod message;
mod names;
pub mod page;
pub mod peer;
pub mod person;
pub mod search;
pub mod session;
pub mod tombstone;
