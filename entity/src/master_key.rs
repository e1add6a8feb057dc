//! A master key that secrets of sessions may be sealed with.

use sea_orm::entity::prelude::*;

/// A master key that secrets of sessions may be sealed with.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "master_key")]
pub struct Model {
    /// The key's id; empty where secrets may be in plain.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Whether the server that started last seals with it; true of one row.
    pub seals: bool,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
