//! One thing the WhatsApp library remembers of a session and finds by its key alone.

use sea_orm::entity::prelude::*;

/// One thing the WhatsApp library remembers of a session and finds by its key alone.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "device_record")]
pub struct Model {
    /// The session.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: Vec<u8>,
    /// What it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: i16,
    /// The key, in bytes that sort like what they stand for.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
    /// The time from which it grows old, in seconds; none if it does not.
    pub at: Option<i64>,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
