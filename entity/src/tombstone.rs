//! What stays of a deleted chat: its settings and names as WhatsApp has them, and how far its messages are known.

use sea_orm::entity::prelude::*;

/// What stays of a deleted chat: its settings and names as WhatsApp has them, and how far its messages are known.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tombstone")]
pub struct Model {
    /// The id that the chat had.
    #[sea_orm(primary_key, auto_increment = false)]
    pub chat_id: Vec<u8>,
    /// Whose it is.
    pub organization: String,
    /// The session.
    pub session_id: Vec<u8>,
    /// The canonical address.
    pub jid: String,
    /// A group's subject.
    pub subject: Option<String>,
    /// The name the account's owner saved.
    pub contact_name: Option<String>,
    /// The name the other side chose.
    pub push_name: Option<String>,
    /// The verified name of a business.
    pub business_name: Option<String>,
    /// Archived or not.
    pub archived: bool,
    /// WhatsApp's time of it.
    pub archived_as_of: i64,
    /// Pinned or not.
    pub pinned: bool,
    /// WhatsApp's time of it.
    pub pinned_as_of: i64,
    /// When the mute ends.
    pub muted_until: Option<i64>,
    /// WhatsApp's time of it.
    pub muted_as_of: i64,
    /// Marked as unread by hand.
    pub marked_unread: bool,
    /// WhatsApp's time of it.
    pub marked_as_of: i64,
    /// Unread messages.
    pub unread_count: i32,
    /// Messages up to this time are known; none when the chat had no message.
    pub horizon_at: Option<i64>,
    /// WhatsApp's ids of the known ones of that very time, as a JSON list.
    pub horizon_ids: Option<String>,
    /// When the chat was deleted.
    pub deleted_at: i64,
    /// The phone emptied it up to this time; none if it never did.
    pub emptied_at: Option<i64>,
    /// WhatsApp's ids of the messages of that very time that it took away, as a JSON list.
    pub emptied_ids: Option<String>,
    /// Messages up to this time are read; none when nothing was.
    pub read_to_at: Option<i64>,
    /// WhatsApp's ids of the read ones of that very time, as a JSON list.
    pub read_to_ids: Option<String>,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
