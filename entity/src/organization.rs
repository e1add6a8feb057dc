//! An organization and the counter of its change log.

use sea_orm::entity::prelude::*;

/// An organization and the counter of its change log.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "organization")]
pub struct Model {
    /// The external id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The number of the newest change; 0 before the first.
    pub last_change: i64,
    /// Creation time of the row.
    pub created_at: i64,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
