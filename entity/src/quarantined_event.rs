//! An event that could not be applied to the stored copy, kept until it can be.

use sea_orm::entity::prelude::*;

/// An event that could not be applied to the stored copy, kept until it can be.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "quarantined_event")]
pub struct Model {
    /// The id, which sorts by the time of the quarantine.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    /// Whose it is.
    pub organization: String,
    /// The session that received it.
    pub session_id: Vec<u8>,
    /// Its kind.
    pub kind: String,
    /// Why it could not be applied, for the operator.
    pub reason: String,
    /// How often it was tried, all retries included.
    pub attempts: i32,
    /// When it was received.
    pub received_at: i64,
    /// Whether it belongs to the import of the account's history.
    pub is_import: bool,
    /// The version of the program that tried it last.
    pub version: String,
    /// When a retry was requested; none if none is.
    pub retry_at: Option<i64>,
    /// The event, sealed if there is a master key.
    pub payload: Vec<u8>,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
