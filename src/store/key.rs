//! Api-keys.

use chatgraph_entity::api_key;
use sea_orm::ActiveValue::Set;
use sea_orm::ColumnTrait as _;
use sea_orm::Condition;
use sea_orm::EntityTrait as _;
use sea_orm::QueryFilter as _;
use sea_orm::QueryOrder as _;
use sea_orm::sea_query::Expr;

use crate::domain::capability::Capabilities;
use crate::domain::id::KeyId;
use crate::domain::id::OrganizationId;
use crate::domain::key::ApiKey;

use super::Store;
use super::error::StoreError;
use super::text;
use super::unit::Unit;

impl Store {
    /// The key with this hash. The read that finds out the organization, so it knows none yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn key_by_hash(&self, hash: &str) -> Result<Option<ApiKey>, StoreError> {
        let row = api_key::Entity::find().filter(api_key::Column::Hash.eq(hash)).one(&self.readers).await?;
        row.map(from_row).transpose()
    }

    /// The organization's keys, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keys(&self, organization: &OrganizationId) -> Result<Vec<ApiKey>, StoreError> {
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

    /// Stores when keys were last used, in milliseconds; of those that are gone by now nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_key_uses(
        &self,
        organization: &OrganizationId,
        uses: Vec<(KeyId, i64)>,
    ) -> Result<(), StoreError> {
        let owner = organization.to_string();
        self.write(organization, move |unit| {
            Box::pin(async move {
                for (id, used_at) in uses {
                    let key = api_key::Entity::update_many().filter(api_key::Column::Organization.eq(owner.as_str()));
                    let noted = key.col_expr(api_key::Column::LastUsedAt, Expr::value(used_at));
                    noted.filter(api_key::Column::Id.eq(id.to_bytes())).exec(unit.tx).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Stores a new key under the hash of its secret, unpadded base64url of SHA-256, and its organization with the first
    /// one.
    ///
    /// # Errors
    /// [`StoreError`], also when the secret is another key's already.
    pub async fn insert_key(&self, key: ApiKey, hash: String) -> Result<(), StoreError> {
        let organization = key.organization.clone();
        self.write(&organization, move |unit| Box::pin(async move { unit.insert_key(key, hash).await })).await
    }
}

impl Unit<'_> {
    /// Stores a new key under the hash of its secret, and its organization with the first one.
    ///
    /// # Errors
    /// [`StoreError`], also if the secret is another key's already.
    pub async fn insert_key(&mut self, key: ApiKey, hash: String) -> Result<(), StoreError> {
        self.ensure_organization(&key.organization, key.created_at).await?;
        api_key::Entity::insert(to_row(key, hash)).exec_without_returning(self.tx).await?;
        Ok(())
    }

    /// Gives a key that was never used another secret, by its prefix and hash. `None` if it was used or is gone.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn renew_unused_key(
        &mut self,
        organization: &OrganizationId,
        id: &[u8],
        (prefix, hash): (String, String),
    ) -> Result<Option<ApiKey>, StoreError> {
        let unused = Condition::all()
            .add(api_key::Column::Organization.eq(organization.as_str()))
            .add(api_key::Column::Id.eq(id))
            .add(api_key::Column::LastUsedAt.is_null());
        api_key::Entity::update_many()
            .col_expr(api_key::Column::Prefix, Expr::value(prefix))
            .col_expr(api_key::Column::Hash, Expr::value(hash))
            .filter(unused.clone())
            .exec(self.tx)
            .await?;
        api_key::Entity::find().filter(unused).one(self.tx).await?.map(from_row).transpose()
    }
}

fn to_row(key: ApiKey, hash: String) -> api_key::ActiveModel {
    api_key::ActiveModel {
        id: Set(key.id.to_bytes()),
        organization: Set(key.organization.to_string()),
        name: Set(text::storable(&key.name)),
        prefix: Set(key.prefix),
        hash: Set(hash),
        permissions: Set(key.permissions.bits()),
        created_at: Set(key.created_at),
        expires_at: Set(key.expires_at),
        last_used_at: Set(key.last_used_at),
    }
}

fn from_row(row: api_key::Model) -> Result<ApiKey, StoreError> {
    let corrupt = |column| StoreError::Corrupt { table: "api_key", column };
    Ok(ApiKey {
        id: KeyId::from_bytes(&row.id).map_err(|_| corrupt("id"))?,
        organization: row.organization.parse().map_err(|_| corrupt("organization"))?,
        name: row.name,
        prefix: row.prefix,
        permissions: Capabilities::from_bits(row.permissions),
        created_at: row.created_at,
        expires_at: row.expires_at,
        last_used_at: row.last_used_at,
    })
}
