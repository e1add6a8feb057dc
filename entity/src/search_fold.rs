//! The progress of folding the search texts of chats; one row.

use sea_orm::entity::prelude::*;

/// The progress of folding the search texts of chats; one row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "search_fold")]
pub struct Model {
    /// Always 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i16,
    /// The version of the rules.
    pub version: i32,
    /// The last chat that was folded with these rules; null after all chats are folded.
    pub refolded_to: Option<Vec<u8>>,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
