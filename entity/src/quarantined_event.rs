//! An event in quarantine, which could not be applied to the stored copy yet.

use sea_orm::entity::prelude::*;

/// An event in quarantine, which could not be applied to the stored copy yet.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "quarantined_event")]
pub struct Model {
    /// The id, which sorts by the time of the quarantine.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    /// The owning organization.
    pub organization: String,
    /// The session that received it.
    pub session_id: Vec<u8>,
    /// The kind of event.
    pub kind: String,
    /// The reason, for the operator.
    pub reason: String,
    /// Number of attempts, including all retries.
    pub attempts: i32,
    /// Time of receipt.
    pub received_at: i64,
    /// True if it belongs to the import of the account's history.
    pub is_import: bool,
    /// The version of the program at the last attempt.
    pub version: String,
    /// Time at which a retry was requested; null if no retry is requested.
    pub retry_at: Option<i64>,
    /// The event, encrypted if there is a master key.
    pub payload: Vec<u8>,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
