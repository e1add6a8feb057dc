//! An API key. Only the hash of its secret is stored.

use sea_orm::entity::prelude::*;

/// An API key. Only the hash of its secret is stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_key")]
pub struct Model {
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    /// The owning organization.
    pub organization: String,
    /// Display name.
    pub name: String,
    /// The first characters of the secret.
    pub prefix: String,
    /// Unpadded base64url of the secret's SHA-256.
    pub hash: String,
    /// The permissions, as bits.
    pub permissions: i32,
    /// Creation time.
    pub created_at: i64,
    /// Expiry time (inclusive).
    pub expires_at: Option<i64>,
    /// Time of the last use, accurate to a minute.
    pub last_used_at: Option<i64>,
    /// The kind of creator: `key`, `user` or `operator`. Null if the key was created before creators were recorded.
    pub created_by: Option<String>,
    /// The id of that key or user.
    pub created_by_id: Option<String>,
    /// The hash of the secret before the last rotation.
    pub previous_hash: Option<String>,
    /// Expiry time (inclusive) of that secret.
    pub previous_until: Option<i64>,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
