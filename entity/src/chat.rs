//! A chat of a session. The column `…_as_of` of each setting has WhatsApp's timestamp of its value.

use sea_orm::entity::prelude::*;

/// A chat of a session. The column `…_as_of` of each setting has WhatsApp's timestamp of its value.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "chat")]
pub struct Model {
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
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
    /// Send time of the latest message; null if there is none.
    pub last_message_at: Option<i64>,
    /// The latest message, if it is stored.
    pub last_message_id: Option<Vec<u8>>,
    /// The kind of chat, according to its address.
    pub kind: i16,
    /// The sort key by activity: `last_message_at`, or a negative number without a message.
    pub activity: i64,
    /// The class in the order INBOX: pinned, active, empty or unlisted.
    pub inbox_class: i16,
    /// The rank in the class: the pin time of a pinned chat, else `activity`.
    pub inbox_rank: i64,
    /// The folded name and phone number, for searches.
    pub searchable: String,
    /// The pending settings, as bits.
    pub pending: i32,
    /// Creation time of the row.
    pub created_at: i64,
    /// Messages up to this time are known without being stored; null if there are none.
    pub horizon_at: Option<i64>,
    /// WhatsApp's ids of the known messages at exactly that time, as a JSON list.
    pub horizon_ids: Option<String>,
    /// The settings that WhatsApp rejected, as bits.
    pub refused: i32,
    /// Arrival number of the newest live message (history excluded).
    pub arrivals: i64,
    /// Messages up to this time are read; null if no message was read.
    pub read_to_at: Option<i64>,
    /// WhatsApp's ids of the read messages at exactly that time, as a JSON list.
    pub read_to_ids: Option<String>,
    /// The address that WhatsApp used last for the chat.
    pub address: Option<String>,
    /// WhatsApp's timestamp of that value.
    pub address_as_of: i64,
    /// Number of recorded changes.
    pub revision: i64,
    /// The phone cleared the chat up to this time; null if it never did.
    pub emptied_at: Option<i64>,
    /// WhatsApp's ids of the messages that it removed at exactly that time, as a JSON list.
    pub emptied_ids: Option<String>,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
