//! Api-keys.

use chatgraph_entity::api_key;
use sea_orm::ActiveValue::Set;
use sea_orm::ColumnTrait as _;
use sea_orm::EntityTrait as _;
use sea_orm::QueryFilter as _;
use sea_orm::QueryOrder as _;

use crate::domain::capability::Capabilities;
use crate::domain::id::KeyId;
use crate::domain::id::OrganizationId;

use super::Store;
use super::error::StoreError;
use super::text;

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
    /// The key with this hash. The read that finds out the organization, so it knows none yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn key_by_hash(&self, hash: &str) -> Result<Option<StoredKey>, StoreError> {
        let row = api_key::Entity::find().filter(api_key::Column::Hash.eq(hash)).one(&self.readers).await?;
        row.map(from_row).transpose()
    }

    /// The organization's keys, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keys(&self, organization: &OrganizationId) -> Result<Vec<StoredKey>, StoreError> {
        let keys = api_key::Entity::find().filter(api_key::Column::Organization.eq(organization.as_str()));
        let rows = keys.order_by_asc(api_key::Column::Id).all(&self.readers).await?;
        rows.into_iter().map(from_row).collect()
    }

    /// Removes a key; tells whether it was there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn revoke_key(&self, organization: &OrganizationId, id: KeyId) -> Result<bool, StoreError> {
        let owner = organization.to_string();
        self.write(organization, move |unit| {
            Box::pin(async move {
                let key = api_key::Entity::delete_many().filter(api_key::Column::Organization.eq(owner));
                let deleted = key.filter(api_key::Column::Id.eq(id.to_bytes())).exec(unit.tx).await?;
                Ok(deleted.rows_affected > 0)
            })
        })
        .await
    }

    /// Stores a new key, and its organization with the first one.
    ///
    /// # Errors
    /// [`StoreError`], also when the secret is another key's already.
    pub async fn insert_key(&self, key: StoredKey) -> Result<(), StoreError> {
        let organization = key.organization.clone();
        self.write(&organization, move |unit| {
            Box::pin(async move {
                unit.ensure_organization(&key.organization, key.created_at).await?;
                api_key::Entity::insert(to_row(key)).exec_without_returning(unit.tx).await?;
                Ok(())
            })
        })
        .await
    }
}

fn to_row(key: StoredKey) -> api_key::ActiveModel {
    api_key::ActiveModel {
        id: Set(key.id.to_bytes()),
        organization: Set(key.organization.to_string()),
        name: Set(text::storable(&key.name)),
        prefix: Set(key.prefix),
        hash: Set(key.hash),
        permissions: Set(key.permissions.bits()),
        created_at: Set(key.created_at),
        expires_at: Set(key.expires_at),
    }
}

fn from_row(row: api_key::Model) -> Result<StoredKey, StoreError> {
    let corrupt = |column| StoreError::Corrupt { table: "api_key", column };
    Ok(StoredKey {
        id: KeyId::from_bytes(&row.id).map_err(|_| corrupt("id"))?,
        organization: row.organization.parse().map_err(|_| corrupt("organization"))?,
        name: row.name,
        prefix: row.prefix,
        hash: row.hash,
        permissions: Capabilities::from_bits(row.permissions),
        created_at: row.created_at,
        expires_at: row.expires_at,
    })
}
