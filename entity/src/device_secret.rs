//! The secret of a message, with which later messages that refer to it are decrypted.

use sea_orm::entity::prelude::*;

/// The secret of a message, with which later messages that refer to it are decrypted.
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
    /// Expiry time in seconds; 0 if it never expires.
    pub expires_at: i64,
    /// Send time of the message in seconds; 0 if it is unknown.
    pub message_at: i64,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
