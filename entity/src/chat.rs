//! One chat of a session. Every setting keeps WhatsApp's time of its value in `…_as_of`.

use sea_orm::entity::prelude::*;

/// One chat of a session. Every setting keeps WhatsApp's time of its value in `…_as_of`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "chat")]
pub struct Model {
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
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
    /// When the latest message was sent; none when there is none.
    pub last_message_at: Option<i64>,
    /// The latest message, when it is stored.
    pub last_message_id: Option<Vec<u8>>,
    /// The kind of chat, by its address.
    pub kind: i16,
    /// Where the chat stands by activity: `last_message_at`, or less than 0 without one.
    pub activity: i64,
    /// What the order INBOX puts first: pinned, active, empty, unlisted chats.
    pub inbox_class: i16,
    /// Where the chat stands in its class: the time of pinning of a pinned one, else `activity`.
    pub inbox_rank: i64,
    /// What the chat is found by: name and phone number, folded.
    pub searchable: String,
    /// The settings on their way to WhatsApp, as bits.
    pub pending: i32,
    /// When the row was made.
    pub created_at: i64,
    /// Messages up to this time are known and not stored; none when there are no such.
    pub horizon_at: Option<i64>,
    /// WhatsApp's ids of the known ones of that very time, as a JSON list.
    pub horizon_ids: Option<String>,
    /// The settings that WhatsApp refused, as bits.
    pub refused: i32,
    /// The number of the message that arrived last, those of a history aside.
    pub arrivals: i64,
    /// Messages up to this time are read; none when nothing was.
    pub read_to_at: Option<i64>,
    /// WhatsApp's ids of the read ones of that very time, as a JSON list.
    pub read_to_ids: Option<String>,
    /// The address under which WhatsApp spoke of the chat last.
    pub address: Option<String>,
    /// WhatsApp's time of that.
    pub address_as_of: i64,
    /// How many changes of it were recorded.
    pub revision: i64,
    /// The phone emptied it up to this time; none if it never did.
    pub emptied_at: Option<i64>,
    /// WhatsApp's ids of the messages of that very time that it took away, as a JSON list.
    pub emptied_ids: Option<String>,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
