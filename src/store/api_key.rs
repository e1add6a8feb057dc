//! Api-keys.

use chatgraph_entity::api_key;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, Condition, ConnectionTrait as _, DbBackend, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _, sea_query::Expr,
};

use super::{
    Store,
    connect::{Row, model},
    enum_code::{bits, from_bits},
    error::StoreError,
    keyset::{self, Keyset},
    sanitize,
    unit_of_work::UnitOfWork,
};
use crate::domain::{
    api_key::{ApiKey, KeyCreator},
    cursor::TimeKey,
    id::{KeyId, OrganizationId},
    page::{Page, PageRequest},
};

/// The secret of a key that matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeySecret {
    /// The current secret.
    Current,
    /// The secret before the last rotation, which may have expired.
    Previous,
}

/// A new secret of a key, which is not stored itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashedSecret {
    /// Its hash.
    pub hash: String,
    /// Its first characters, for display.
    pub prefix: String,
}

impl Store {
    /// Returns the key with this hash of its current or previous secret. This read determines the organization, so it
    /// has none yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn key_by_hash(&self, hash: &str) -> Result<Option<(ApiKey, KeySecret)>, StoreError> {
        let either = Condition::any().add(api_key::Column::Hash.eq(hash)).add(api_key::Column::PreviousHash.eq(hash));
        let Some(row) = api_key::Entity::find().filter(either).one(&self.readers).await? else { return Ok(None) };
        let secret = if row.hash == hash { KeySecret::Current } else { KeySecret::Previous };
        Ok(Some((from_row(row)?, secret)))
    }

    /// Returns the organization's keys, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keys(&self, organization: &OrganizationId) -> Result<Vec<ApiKey>, StoreError> {
        let keys = api_key::Entity::find().filter(api_key::Column::Organization.eq(organization.as_str()));
        let rows = keys.order_by_asc(api_key::Column::Id).all(&self.reader(organization)).await?;
        rows.into_iter().map(from_row).collect()
    }

    /// Replaces a key's secret. The current one works until `previous_until`, in milliseconds,
    /// if that is given. Returns `false` if there is no such key.
    ///
    /// # Errors
    /// [`StoreError`], also if another key has this secret.
    pub async fn rotate_key(
        &self,
        organization: &OrganizationId,
        id: KeyId,
        HashedSecret { hash, prefix }: HashedSecret,
        previous_until: Option<i64>,
    ) -> Result<bool, StoreError> {
        let owner = organization.to_string();
        self.write(organization, move |unit| {
            Box::pin(async move {
                // All expressions read the row as it was before the update.
                let previous = match previous_until {
                    Some(_) => Expr::col(api_key::Column::Hash),
                    None => Expr::value(None::<String>),
                };
                let key = api_key::Entity::update_many().filter(api_key::Column::Organization.eq(owner));
                let rotated = key
                    .filter(api_key::Column::Id.eq(id.to_bytes()))
                    .col_expr(api_key::Column::PreviousHash, previous)
                    .col_expr(api_key::Column::PreviousUntil, Expr::value(previous_until))
                    .col_expr(api_key::Column::Hash, Expr::value(hash))
                    .col_expr(api_key::Column::Prefix, Expr::value(prefix));
                Ok(rotated.exec(unit.tx).await?.rows_affected > 0)
            })
        })
        .await
    }

    /// Returns a page of the organization's keys, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn key_page(
        &self,
        organization: &OrganizationId,
        page: &PageRequest<TimeKey>,
    ) -> Result<Page<ApiKey>, StoreError> {
        let readers = self.reader(organization);
        let lists = [(listed(readers.get_database_backend(), organization), *page)];
        let mut pages = keyset::read(&readers, &lists, read_row, ApiKey::key).await?;
        Ok(pages.remove(0))
    }

    /// Removes a key; returns `false` if there is no such key.
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

    /// Stores the last use of keys, in milliseconds; missing keys are ignored.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record_key_uses(
        &self,
        organization: &OrganizationId,
        uses: Vec<(KeyId, i64)>,
    ) -> Result<(), StoreError> {
        let owner = organization.to_string();
        self.write_unversioned(organization, None, move |unit| {
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

    /// Stores a new key under the hash of its secret, unpadded base64url of SHA-256, and creates the organization with
    /// its first key.
    ///
    /// # Errors
    /// [`StoreError`], also if another key has this secret.
    pub async fn insert_key(&self, key: ApiKey, hash: String) -> Result<(), StoreError> {
        let organization = key.organization.clone();
        self.write(&organization, move |unit| Box::pin(async move { unit.insert_key(key, hash).await })).await
    }
}

impl UnitOfWork<'_> {
    /// Stores a new key under the hash of its secret, and creates the organization with its first key.
    ///
    /// # Errors
    /// [`StoreError`], also if another key has this secret.
    pub async fn insert_key(&mut self, key: ApiKey, hash: String) -> Result<(), StoreError> {
        self.ensure_organization().await?;
        api_key::Entity::insert(to_row(key, hash)).exec_without_returning(self.tx).await?;
        Ok(())
    }

    /// Counts the organization's keys.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_keys(&mut self) -> Result<u64, StoreError> {
        let keys = api_key::Entity::find().filter(api_key::Column::Organization.eq(self.organization.as_str()));
        Ok(keys.count(self.tx).await?)
    }

    /// Replaces the secret of an unused key. `None` if the key was used or removed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn renew_unused_key(
        &mut self,
        id: &[u8],
        HashedSecret { hash, prefix }: HashedSecret,
    ) -> Result<Option<ApiKey>, StoreError> {
        let unused = Condition::all()
            .add(api_key::Column::Organization.eq(self.organization.as_str()))
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

/// Query for the organization's keys.
fn listed(backend: DbBackend, organization: &OrganizationId) -> Keyset<api_key::Entity, TimeKey> {
    let rows = api_key::Entity::find().filter(api_key::Column::Organization.eq(organization.as_str()));
    let key = vec![api_key::Column::CreatedAt, api_key::Column::Id];
    Keyset { rows, key, above: None, below: None, backend }
}

fn read_row(row: &Row<'_>) -> Result<ApiKey, StoreError> {
    from_row(model!(row, api_key, id organization name prefix hash permissions created_at expires_at last_used_at
        created_by created_by_id previous_hash previous_until))
}

fn to_row(key: ApiKey, hash: String) -> api_key::ActiveModel {
    let (created_by, created_by_id) = match key.created_by {
        Some(KeyCreator::ApiKey(id)) => (Some("key"), Some(id.to_string())),
        Some(KeyCreator::User(id)) => (Some("user"), Some(sanitize::strip_nul(&id))),
        Some(KeyCreator::Operator) => (Some("operator"), None),
        None => (None, None),
    };
    api_key::ActiveModel {
        id: Set(key.id.to_bytes()),
        organization: Set(key.organization.to_string()),
        name: Set(sanitize::strip_nul(&key.name)),
        prefix: Set(key.prefix),
        hash: Set(hash),
        permissions: Set(bits(key.permissions)),
        created_at: Set(key.created_at),
        expires_at: Set(key.expires_at),
        last_used_at: Set(key.last_used_at),
        created_by: Set(created_by.map(str::to_owned)),
        created_by_id: Set(created_by_id),
        previous_hash: Set(None),
        previous_until: Set(key.previous_until),
    }
}

fn from_row(row: api_key::Model) -> Result<ApiKey, StoreError> {
    let corrupt = |column| StoreError::Corrupt { table: "api_key", column };
    let created_by = match (row.created_by.as_deref(), row.created_by_id) {
        (None, _) => None,
        (Some("key"), Some(id)) => Some(KeyCreator::ApiKey(id.parse().map_err(|_| corrupt("created_by_id"))?)),
        (Some("user"), Some(id)) => Some(KeyCreator::User(id)),
        (Some("operator"), None) => Some(KeyCreator::Operator),
        _ => return Err(corrupt("created_by")),
    };
    Ok(ApiKey {
        id: KeyId::from_bytes(&row.id).map_err(|_| corrupt("id"))?,
        organization: row.organization.parse().map_err(|_| corrupt("organization"))?,
        name: row.name,
        prefix: row.prefix,
        permissions: from_bits(row.permissions),
        created_at: row.created_at,
        expires_at: row.expires_at,
        last_used_at: row.last_used_at,
        created_by,
        previous_until: row.previous_until,
    })
}
