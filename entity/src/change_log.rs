//! Which change log this database holds; one row.

use sea_orm::entity::prelude::*;

/// Which change log this database holds; one row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "change_log")]
pub struct Model {
    /// Always 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i16,
    /// Drawn at random when the database is made: cursors of another log lead nowhere in this one.
    pub incarnation: i64,
    /// What is added to the stored revisions of chats, so that none is shown twice after a restore.
    pub revision_base: i64,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
