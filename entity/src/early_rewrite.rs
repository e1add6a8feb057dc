//! An edit or a revocation that arrived before its message.

use sea_orm::entity::prelude::*;

/// An edit or a revocation that arrived before its message.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "early_rewrite")]
pub struct Model {
    /// The session.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: Vec<u8>,
    /// WhatsApp's id of the message.
    #[sea_orm(primary_key, auto_increment = false)]
    pub wa_id: String,
    /// The address of the chat, as it was received.
    #[sea_orm(primary_key, auto_increment = false)]
    pub chat: String,
    /// The address of the sender, as it was received.
    #[sea_orm(primary_key, auto_increment = false)]
    pub sender: String,
    /// True if the account sent the message.
    #[sea_orm(primary_key, auto_increment = false)]
    pub from_me: bool,
    /// The owning organization.
    pub organization: String,
    /// True if the message was revoked.
    pub revoked: bool,
    /// The text after the edit.
    pub text: Option<String>,
    /// Time of the edit by the sender's clock; 0 if it was never edited.
    pub edited_as_of: i64,
    /// Time of receipt.
    pub at: i64,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
