//! The domain: ids, addresses, chats, messages, sessions, changes. Pure: no async, no I/O, and no dependency on another
//! module. Rules about WhatsApp and the API belong here and are called from elsewhere.

pub mod api_key;
pub mod call;
pub mod capability;
pub mod change;
pub mod chat;
pub mod chat_list;
mod chat_name;
pub mod chat_view;
pub mod clock;
pub mod cursor;
pub mod id;
pub mod idempotency;
pub mod jid;
pub mod merge;
pub mod message;
pub mod message_marker;
pub mod page;
pub mod peer;
pub mod pending_action;
pub mod person;
pub mod search;
pub mod session;
pub mod setting;
pub mod tombstone;
