//! A message of a chat.

use sea_orm::entity::prelude::*;

/// A message of a chat.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "message")]
pub struct Model {
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    /// The owning organization.
    pub organization: String,
    /// The session.
    pub session_id: Vec<u8>,
    /// The chat.
    pub chat_id: Vec<u8>,
    /// WhatsApp's message id; unique per chat and sender.
    pub wa_id: String,
    /// The sender's peer; for the account itself the session's id.
    pub sender_id: Vec<u8>,
    /// Flags: WhatsApp identified the sender by LID; the chat has several senders.
    pub named_by: i16,
    /// The name chosen by the sender.
    pub sender_name: Option<String>,
    /// True if the account sent it.
    pub from_me: bool,
    /// The kind.
    pub kind: i16,
    /// Text or caption.
    pub text: Option<String>,
    /// Send time.
    pub at: i64,
    /// True if the sender edited it.
    pub edited: bool,
    /// Time of the edit by the sender's clock; 0 if it was never edited.
    pub edited_as_of: i64,
    /// True if it was deleted for everyone.
    pub revoked: bool,
    /// The arrival number in the session; 0 for a message from a history.
    pub arrival: i64,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
