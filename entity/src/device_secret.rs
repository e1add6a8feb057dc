//! The secret of one message, by which later ones that refer to it are read.

use sea_orm::entity::prelude::*;

/// The secret of one message, by which later ones that refer to it are read.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "device_secret")]
pub struct Model {
    /// The session.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: Vec<u8>,
    /// Chat, sender and message id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: Vec<u8>,
    /// The secret.
    pub secret: Vec<u8>,
    /// Until when it is kept, in seconds; 0 for ever.
    pub expires_at: i64,
    /// When the message was sent, in seconds; 0 if unknown.
    pub message_at: i64,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
