//! A setting of a chat that WhatsApp refused, until it is changed again.

use sea_orm::entity::prelude::*;

/// A setting of a chat that WhatsApp refused, until it is changed again.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refusal")]
pub struct Model {
    /// The chat.
    #[sea_orm(primary_key, auto_increment = false)]
    pub chat_id: Vec<u8>,
    /// Which setting.
    #[sea_orm(primary_key, auto_increment = false)]
    pub setting: i16,
    /// Whose it is.
    pub organization: String,
    /// Why, in words for a person.
    pub reason: String,
    /// The same as a number.
    pub code: i16,
    /// When it was given up.
    pub at: i64,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
