//! An api-key; its secret is not kept, only the secret's hash.

use sea_orm::entity::prelude::*;

/// An api-key; its secret is not kept, only the secret's hash.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_key")]
pub struct Model {
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    /// Whose it is.
    pub organization: String,
    /// A name for people.
    pub name: String,
    /// The secret's first characters.
    pub prefix: String,
    /// Unpadded base64url of the secret's SHA-256.
    pub hash: String,
    /// What it may do, as bits.
    pub permissions: i32,
    /// When it was made.
    pub created_at: i64,
    /// When it ends (inclusive).
    pub expires_at: Option<i64>,
    /// When it was last used, to a minute.
    pub last_used_at: Option<i64>,
    /// Who made it: `key`, `user` or `operator`; unknown if it was made before this was recorded.
    pub created_by: Option<String>,
    /// The id of that key or user.
    pub created_by_id: Option<String>,
    /// The hash of the secret before the last rotation.
    pub previous_hash: Option<String>,
    /// When that secret ends (inclusive).
    pub previous_until: Option<i64>,
}

/// Related rows are read by key, in `chatgraph::store`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
