//! A message that was read on another device before it arrived here.

use sea_orm::entity::prelude::*;

/// A message that was read on another device before it arrived here.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "early_receipt")]
pub struct Model {
    /// The session.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: Vec<u8>,
    /// The owning organization.
    pub organization: String,
    /// WhatsApp's id of the message.
    #[sea_orm(primary_key, auto_increment = false)]
    pub wa_id: String,
    /// Time of receipt.
    pub at: i64,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
