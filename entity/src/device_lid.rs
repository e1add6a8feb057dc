//! A LID (hidden number) and its phone number, as known to a session.

use sea_orm::entity::prelude::*;

/// A LID (hidden number) and its phone number, as known to a session.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "device_lid")]
pub struct Model {
    /// The session.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: Vec<u8>,
    /// The user part of the LID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub lid: String,
    /// The phone number.
    pub phone: String,
    /// Time at which it became known, in seconds.
    pub created_at: i64,
    /// Time of the last confirmation in seconds; 0 if the source may be outdated.
    pub updated_at: i64,
    /// The source, in the library's terms.
    pub source: String,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
