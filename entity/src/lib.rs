//! The rows of chatgraph's tables: plain columns, no rules. Ids are 16 bytes, times are milliseconds since the Unix
//! epoch, and sets are bits. Enums are small numbers that `chatgraph::store` maps.

pub mod api_key;
pub mod change;
pub mod change_log;
pub mod chat;
pub mod deleted_unread;
pub mod device_lid;
pub mod device_record;
pub mod device_secret;
pub mod device_sender_key;
pub mod device_token;
pub mod early_receipt;
pub mod early_rewrite;
pub mod idempotency_key;
pub mod master_key;
pub mod merged_chat;
pub mod message;
pub mod organization;
pub mod peer;
pub mod peer_address;
pub mod pending_action;
pub mod quarantined_event;
pub mod refusal;
pub mod search_fold;
pub mod session;
pub mod tombstone;
pub mod write_check;
