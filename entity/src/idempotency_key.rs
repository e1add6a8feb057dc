//! The object that was created with an idempotency key.

use sea_orm::entity::prelude::*;

/// The object that was created with an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_key")]
pub struct Model {
    /// The owning organization.
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization: String,
    /// The operation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub operation: i16,
    /// SHA-256 of the key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key_hash: Vec<u8>,
    /// SHA-256 of the input.
    pub input_hash: Vec<u8>,
    /// The id of the created object.
    pub object_id: Vec<u8>,
    /// The time.
    pub created_at: i64,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
