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
    /// Whether the account wrote the message.
    #[sea_orm(primary_key, auto_increment = false)]
    pub from_me: bool,
    /// Whose it is.
    pub organization: String,
    /// Whether the message was revoked.
    pub revoked: bool,
    /// The text since the edit.
    pub text: Option<String>,
    /// When it was edited, by the sender's clock; 0 if it never was.
    pub edited_as_of: i64,
    /// When it arrived.
    pub at: i64,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
