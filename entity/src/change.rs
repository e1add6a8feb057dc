//! One entry of an organization's change log: settings, counters and ids, no names and no text.

use sea_orm::entity::prelude::*;

/// One entry of an organization's change log: settings, counters and ids, no names and no text.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "change")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization: String,
    /// Its place in the log, from 1 without gaps.
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    /// When it was made.
    pub at: i64,
    /// Created, updated or deleted.
    pub kind: i16,
    /// What made it.
    pub origin: i16,
    /// The session.
    pub session_id: Vec<u8>,
    /// The chat.
    pub chat_id: Vec<u8>,
    /// The chat's canonical address at that time.
    pub cid: String,
    /// What differs from before, as bits.
    pub changed: i32,
    /// The setting it left.
    pub archived: bool,
    /// The setting it left.
    pub pinned: bool,
    /// The setting it left.
    pub muted_until: Option<i64>,
    /// The setting it left.
    pub marked_unread: bool,
    /// The counter it left.
    pub unread_count: i32,
    /// When the latest message was sent.
    pub last_message_at: Option<i64>,
    /// The latest message.
    pub last_message_id: Option<Vec<u8>>,
    /// What it left on its way to WhatsApp, as bits.
    pub pending: i32,
    /// The settings that WhatsApp refused, as bits.
    pub refused: i32,
    /// For a deletion: the chat that is the same person.
    pub merged_into: Option<Vec<u8>>,
    /// The chat's revision that it left.
    pub revision: i64,
    /// The chat in whose place this one came, or that was merged into it.
    pub replaces: Option<Vec<u8>>,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
