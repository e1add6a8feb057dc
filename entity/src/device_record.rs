//! A record of the WhatsApp library about a session, looked up by its key alone.

use sea_orm::entity::prelude::*;

/// A record of the WhatsApp library about a session, looked up by its key alone.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "device_record")]
pub struct Model {
    /// The session.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: Vec<u8>,
    /// The kind.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: i16,
    /// The key as bytes, which have the sort order of what they represent.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
    /// The time from which its age counts, in seconds; null if it does not expire.
    pub at: Option<i64>,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
