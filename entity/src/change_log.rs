//! The id of the change log in this database; one row.

use sea_orm::entity::prelude::*;

/// The id of the change log in this database; one row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "change_log")]
pub struct Model {
    /// Always 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i16,
    /// A random number, drawn when the database is created. Cursors of another log are rejected in this one.
    pub incarnation: i64,
    /// An offset to the stored revisions of chats, so that no revision is used twice after a restore.
    pub revision_base: i64,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
