//! A master key with which secrets of sessions may be encrypted.

use sea_orm::entity::prelude::*;

/// A master key with which secrets of sessions may be encrypted.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "master_key")]
pub struct Model {
    /// The key's id; empty if secrets may be stored in plain text.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// True if the last started server encrypts with this key; true in one row.
    pub seals: bool,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
