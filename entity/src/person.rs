//! A person's two addresses, as a session learned them.

use sea_orm::entity::prelude::*;

/// A person's two addresses, as a session learned them.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "person")]
pub struct Model {
    /// The session.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: Vec<u8>,
    /// Whose it is.
    pub organization: String,
    /// The JID that hides the number.
    #[sea_orm(primary_key, auto_increment = false)]
    pub lid: String,
    /// The JID of the number.
    pub phone: String,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
