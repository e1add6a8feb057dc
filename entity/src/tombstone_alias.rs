//! Every address by which a deleted chat was found, the canonical one included.

use sea_orm::entity::prelude::*;

/// Every address by which a deleted chat was found, the canonical one included.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tombstone_alias")]
pub struct Model {
    /// The session.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: Vec<u8>,
    /// The address.
    #[sea_orm(primary_key, auto_increment = false)]
    pub jid: String,
    /// Whose it is.
    pub organization: String,
    /// The id that the chat had.
    pub chat_id: Vec<u8>,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
