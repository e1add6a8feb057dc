//! An unread message that was deleted here.

use sea_orm::entity::prelude::*;

/// An unread message that was deleted here with its chat. The phone still counts it, also after the chat is back, so a receipt
/// finds by it how many are left.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "deleted_unread")]
pub struct Model {
    /// The chat, stored or deleted.
    #[sea_orm(primary_key, auto_increment = false)]
    pub chat_id: Vec<u8>,
    /// The id that the message had.
    #[sea_orm(primary_key, auto_increment = false)]
    pub message_id: Vec<u8>,
    /// Whose it is.
    pub organization: String,
    /// The session.
    pub session_id: Vec<u8>,
    /// WhatsApp's id.
    pub wa_id: String,
    /// When it was sent.
    pub at: i64,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
