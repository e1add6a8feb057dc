//! The tombstone of a deleted chat: its settings and names on WhatsApp, and the position up to which its messages are
//! known.

use sea_orm::entity::prelude::*;

/// The tombstone of a deleted chat: its settings and names on WhatsApp, and the position up to which its messages are
/// known.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tombstone")]
pub struct Model {
    /// The former id of the chat.
    #[sea_orm(primary_key, auto_increment = false)]
    pub chat_id: Vec<u8>,
    /// The owning organization.
    pub organization: String,
    /// The session.
    pub session_id: Vec<u8>,
    /// The canonical address.
    pub jid: String,
    /// A group's subject.
    pub subject: Option<String>,
    /// The saved contact name.
    pub contact_name: Option<String>,
    /// The push name, which the other side chose.
    pub push_name: Option<String>,
    /// The verified name of a business.
    pub business_name: Option<String>,
    /// The archived state.
    pub archived: bool,
    /// WhatsApp's timestamp of that value.
    pub archived_as_of: i64,
    /// The pinned state.
    pub pinned: bool,
    /// WhatsApp's timestamp of that value.
    pub pinned_as_of: i64,
    /// The end of the mute.
    pub muted_until: Option<i64>,
    /// WhatsApp's timestamp of that value.
    pub muted_as_of: i64,
    /// The mark as unread by hand.
    pub marked_unread: bool,
    /// WhatsApp's timestamp of that value.
    pub marked_as_of: i64,
    /// Number of unread messages.
    pub unread_count: i32,
    /// Messages up to this time are known; null if the chat had no message.
    pub horizon_at: Option<i64>,
    /// WhatsApp's ids of the known messages at exactly that time, as a JSON list.
    pub horizon_ids: Option<String>,
    /// Time of the deletion.
    pub deleted_at: i64,
    /// The phone cleared the chat up to this time; null if it never did.
    pub emptied_at: Option<i64>,
    /// WhatsApp's ids of the messages that it removed at exactly that time, as a JSON list.
    pub emptied_ids: Option<String>,
    /// Messages up to this time are read; null if no message was read.
    pub read_to_at: Option<i64>,
    /// WhatsApp's ids of the read messages at exactly that time, as a JSON list.
    pub read_to_ids: Option<String>,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
