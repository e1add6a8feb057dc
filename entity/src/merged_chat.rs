//! The id of a chat that was merged into another one.

use sea_orm::entity::prelude::*;

/// The id of a chat that was merged into another one.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "merged_chat")]
pub struct Model {
    /// The former id of the chat.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    /// The owning organization.
    pub organization: String,
    /// The session.
    pub session_id: Vec<u8>,
    /// The chat that it was merged into. If that chat was merged too, the final one.
    pub into_id: Vec<u8>,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
