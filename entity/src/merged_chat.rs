//! The id of a chat that was merged into another one.

use sea_orm::entity::prelude::*;

/// The id of a chat that was merged into another one.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "merged_chat")]
pub struct Model {
    /// The id that the chat had.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    /// Whose it is.
    pub organization: String,
    /// The session.
    pub session_id: Vec<u8>,
    /// The chat that it was merged into, or that one into which that was merged since.
    pub into_id: Vec<u8>,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
