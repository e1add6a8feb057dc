//! A setting of a chat that WhatsApp rejected, until it is changed again.

use sea_orm::entity::prelude::*;

/// A setting of a chat that WhatsApp rejected, until it is changed again.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refusal")]
pub struct Model {
    /// The chat.
    #[sea_orm(primary_key, auto_increment = false)]
    pub chat_id: Vec<u8>,
    /// The setting.
    #[sea_orm(primary_key, auto_increment = false)]
    pub setting: i16,
    /// The owning organization.
    pub organization: String,
    /// The reason in words, for the user.
    pub reason: String,
    /// The reason as a code.
    pub code: i16,
    /// Time of the rejection.
    pub at: i64,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
