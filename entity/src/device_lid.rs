//! A hidden number and the phone number behind it, as a session knows them.

use sea_orm::entity::prelude::*;

/// A hidden number and the phone number behind it, as a session knows them.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "device_lid")]
pub struct Model {
    /// The session.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: Vec<u8>,
    /// The hidden number, without its server.
    #[sea_orm(primary_key, auto_increment = false)]
    pub lid: String,
    /// The phone number.
    pub phone: String,
    /// When it was first learned, in seconds.
    pub created_at: i64,
    /// When it was last learned, in seconds; 0 from a source that may be out of date.
    pub updated_at: i64,
    /// What it was learned from, in the library's words.
    pub source: String,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
