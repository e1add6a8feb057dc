//! An unread message that was deleted here.

use sea_orm::entity::prelude::*;

/// An unread message that was deleted here with its chat. The phone still counts it, even after the chat has
/// reappeared. A read receipt needs it to determine the remaining count.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "deleted_unread")]
pub struct Model {
    /// The chat, stored or deleted.
    #[sea_orm(primary_key, auto_increment = false)]
    pub chat_id: Vec<u8>,
    /// The former id of the message.
    #[sea_orm(primary_key, auto_increment = false)]
    pub message_id: Vec<u8>,
    /// The owning organization.
    pub organization: String,
    /// The session.
    pub session_id: Vec<u8>,
    /// WhatsApp's id.
    pub wa_id: String,
    /// Send time.
    pub at: i64,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
