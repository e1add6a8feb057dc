//! An entry of an organization's change log: settings, counters and ids, without names and text.

use sea_orm::entity::prelude::*;

/// An entry of an organization's change log: settings, counters and ids, without names and text.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "change")]
pub struct Model {
    /// The owning organization.
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization: String,
    /// The number in the log, from 1 without gaps.
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    /// Creation time.
    pub at: i64,
    /// The kind of change: created, updated or deleted.
    pub kind: i16,
    /// The origin of the change.
    pub origin: i16,
    /// The session.
    pub session_id: Vec<u8>,
    /// The chat.
    pub chat_id: Vec<u8>,
    /// The chat's canonical address at that time.
    pub cid: String,
    /// The parts that changed, as bits.
    pub changed: i32,
    /// The archived state after the change.
    pub archived: bool,
    /// The pinned state after the change.
    pub pinned: bool,
    /// The end of the mute after the change.
    pub muted_until: Option<i64>,
    /// The mark as unread after the change.
    pub marked_unread: bool,
    /// The number of unread messages after the change.
    pub unread_count: i32,
    /// Send time of the latest message.
    pub last_message_at: Option<i64>,
    /// The latest message.
    pub last_message_id: Option<Vec<u8>>,
    /// The pending settings after the change, as bits.
    pub pending: i32,
    /// The settings that WhatsApp rejected, as bits.
    pub refused: i32,
    /// For a deletion: the chat that this one was merged into.
    pub merged_into: Option<Vec<u8>>,
    /// The chat's revision after the change.
    pub revision: i64,
    /// The chat that this one replaces, or that was merged into this one.
    pub replaces: Option<Vec<u8>>,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
