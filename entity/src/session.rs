//! A linked WhatsApp number.

use sea_orm::entity::prelude::*;

/// A linked WhatsApp number.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "session")]
pub struct Model {
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    /// The owning organization.
    pub organization: String,
    /// Display name.
    pub label: Option<String>,
    /// The status.
    pub status: i16,
    /// The reason in words, for the user.
    pub status_reason: Option<String>,
    /// The reason as a code.
    pub status_code: Option<i16>,
    /// The end of a ban, if it is known.
    pub banned_until: Option<i64>,
    /// True if a node should keep the session connected.
    pub wanted: bool,
    /// The account's address.
    pub jid: Option<String>,
    /// The account's LID (hidden-number address).
    pub lid: Option<String>,
    /// Creation time.
    pub created_at: i64,
    /// Time of the last connection.
    pub last_connected_at: Option<i64>,
    /// The text that is sent to a caller whose call is rejected.
    pub call_auto_reply: Option<String>,
    /// The progress of the history import in percent; null if no import has begun.
    pub import_percent: Option<i16>,
    /// Number of chats in the imported parts.
    pub import_chats: i32,
    /// Number of messages in the imported parts.
    pub import_messages: i32,
    /// True if a part was lost permanently.
    pub import_incomplete: bool,
    /// Number of events of the import that are in quarantine.
    pub import_quarantined: i32,
    /// Time of the last pairing; null if it is unknown.
    pub paired_at: Option<i64>,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
