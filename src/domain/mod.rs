//! What chatgraph talks about: ids, addresses, chats, messages, sessions, changes. Pure: no async, no I/O, nothing of
//! another module. Whoever learns something new about WhatsApp or the API writes the rule here and calls it elsewhere.

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
