//! One message of a chat.

use sea_orm::entity::prelude::*;

/// One message of a chat.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "message")]
pub struct Model {
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    /// Whose it is.
    pub organization: String,
    /// The session.
    pub session_id: Vec<u8>,
    /// The chat.
    pub chat_id: Vec<u8>,
    /// WhatsApp's id; unique with chat and sender.
    pub wa_id: String,
    /// The peer who wrote it; for the account itself the session's id.
    pub sender_id: Vec<u8>,
    /// Whether WhatsApp named the peer by LID, and whether the chat is one of several people.
    pub named_by: i16,
    /// The name the sender went by.
    pub sender_name: Option<String>,
    /// Whether the account wrote it.
    pub from_me: bool,
    /// What it is.
    pub kind: i16,
    /// Text or caption.
    pub text: Option<String>,
    /// When it was sent.
    pub at: i64,
    /// Whether the sender changed it since.
    pub edited: bool,
    /// When that was, by the sender's clock; 0 when it never was.
    pub edited_as_of: i64,
    /// Whether it was deleted for everyone.
    pub revoked: bool,
    /// Its place in the session's order of arrival; 0 when a history brought it.
    pub arrival: i64,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
