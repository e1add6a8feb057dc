//! A session's privacy token for a contact.

use sea_orm::entity::prelude::*;

/// A session's privacy token for a contact.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "device_token")]
pub struct Model {
    /// The session.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: Vec<u8>,
    /// The contact.
    #[sea_orm(primary_key, auto_increment = false)]
    pub jid: String,
    /// The token; empty if only our own token was sent to the contact.
    pub token: Vec<u8>,
    /// Time of receipt in seconds.
    pub token_at: i64,
    /// Time at which our own token was sent, in seconds.
    pub sender_at: Option<i64>,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
