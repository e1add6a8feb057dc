//! All SQL. The organization is the first argument of every function and in every WHERE clause.

pub mod error;

use crate::domain::action::PendingAction;
use crate::domain::capability::Capabilities;
use crate::domain::id::KeyId;
use crate::domain::id::OrganizationId;
use crate::domain::id::SessionId;

use error::StoreError;

/// The database: a few readers and one journal that writes.
#[derive(Clone)]
pub struct Store {}

/// An api-key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// Its id.
    pub id: KeyId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// A name for people.
    pub name: String,
    /// Its first characters.
    pub prefix: String,
    /// Unpadded base64url of the secret's SHA-256.
    pub hash: String,
    /// What it may do.
    pub permissions: Capabilities,
    /// When it was made, in milliseconds.
    pub created_at: i64,
    /// When it ends (inclusive), in milliseconds.
    pub expires_at: Option<i64>,
}

impl Store {
    /// The key with this hash, if there is one that was not revoked. The one read that knows no organization yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn key_by_hash(&self, hash: &str) -> Result<Option<StoredKey>, StoreError> {
        todo!()
    }

    /// Stores a new key, and its organization with the first one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_key(&self, key: StoredKey) -> Result<(), StoreError> {
        todo!()
    }

    /// The actions WhatsApp still has to be told, oldest request first, a chat's settings in sending order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pending_actions(
        &self,
        organization: &OrganizationId,
        session: SessionId,
    ) -> Result<Vec<PendingAction>, StoreError> {
        todo!()
    }
}
