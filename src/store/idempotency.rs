//! Objects created under idempotency keys.

use chatgraph_entity::idempotency_key::{self, Column};
use sea_orm::{ActiveValue::Set, ColumnTrait as _, EntityTrait as _, QueryFilter as _, sea_query::OnConflict};

use super::{enum_code::DbEnum as _, error::StoreError, unit_of_work::UnitOfWork};
use crate::domain::idempotency::{IdempotencyKey, KEY_RETENTION_MS};

/// State of an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyUse {
    /// It is new, and is now assigned to this object.
    First,
    /// It was used with the same input for the object with this id.
    Again(Vec<u8>),
    /// It was used with a different input.
    Other,
}

impl UnitOfWork<'_> {
    /// Assigns the key to the object, unless it was used within the last 24 hours.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn use_idempotency_key(&mut self, key: &IdempotencyKey, object: Vec<u8>) -> Result<KeyUse, StoreError> {
        let (organization, now) = (self.organization, self.now);
        self.ensure_organization().await?;
        idempotency_key::Entity::delete_many()
            .filter(Column::Organization.eq(organization.as_str()))
            .filter(Column::CreatedAt.lte(now - KEY_RETENTION_MS))
            .exec(self.tx)
            .await?;
        let row = idempotency_key::ActiveModel {
            organization: Set(organization.to_string()),
            operation: Set(key.operation.code()),
            key_hash: Set(key.key_hash.to_vec()),
            input_hash: Set(key.input_hash.to_vec()),
            object_id: Set(object),
            created_at: Set(now),
        };
        let columns = [Column::Organization, Column::Operation, Column::KeyHash];
        let inserted = idempotency_key::Entity::insert(row)
            .on_conflict(OnConflict::columns(columns).do_nothing().to_owned())
            .exec_without_returning(self.tx)
            .await?;
        if inserted > 0 {
            return Ok(KeyUse::First);
        }
        let known = (organization.to_string(), key.operation.code(), key.key_hash.to_vec());
        let known = idempotency_key::Entity::find_by_id(known).one(self.tx).await?;
        let known = known.ok_or(StoreError::Corrupt { table: "idempotency_key", column: "key_hash" })?;
        Ok(if known.input_hash == key.input_hash { KeyUse::Again(known.object_id) } else { KeyUse::Other })
    }
}
