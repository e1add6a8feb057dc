//! Message secrets, needed to decrypt reactions, votes and edits.

use std::collections::{BTreeMap, btree_map::Entry};

use chatgraph_entity::device_secret::{self, Column};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, ExprTrait as _, IntoActiveModel as _, QueryFilter as _,
    sea_query::{Expr, OnConflict},
};

use super::{DeviceState, StoreError};
use crate::store::encryption::AssociatedData;

/// The secret of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Chat, sender and message id.
    pub key: Vec<u8>,
    /// The secret.
    pub secret: Vec<u8>,
    /// Expiry time, in seconds; 0 if it never expires.
    pub expires_at: i64,
    /// Time of the message, in seconds; 0 if unknown.
    pub message_at: i64,
}

impl Secret {
    /// Merges a later secret of the same message; times never decrease.
    fn merge(&mut self, later: Self) {
        let for_ever = self.expires_at == 0 || later.expires_at == 0;
        self.expires_at = if for_ever { 0 } else { Ord::max(self.expires_at, later.expires_at) };
        self.message_at = Ord::max(self.message_at, later.message_at);
        self.secret = later.secret;
    }
}

impl DeviceState {
    /// Returns the secret of a message.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn secret(&self, key: &[u8]) -> Result<Option<Secret>, StoreError> {
        let query = device_secret::Entity::find()
            .filter(Column::SessionId.eq(self.session.to_bytes()))
            .filter(Column::Key.eq(key));
        self.find_one(query).await?.map(|row| self.secret_of(row)).transpose()
    }

    /// Stores secrets. A later one replaces an earlier one, but never shortens its lifetime.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_secrets(&self, secrets: Vec<Secret>) -> Result<(), StoreError> {
        let mut merged: BTreeMap<Vec<u8>, Secret> = BTreeMap::new();
        for secret in secrets {
            match merged.entry(secret.key.clone()) {
                Entry::Vacant(vacant) => drop(vacant.insert(secret)),
                Entry::Occupied(mut stored) => stored.get_mut().merge(secret),
            }
        }
        let rows = merged.into_values().map(|secret| self.row_of(secret).into_active_model());
        self.upsert(rows.collect(), merge_stored()).await
    }

    /// Deletes the secrets that expire by `at`, and returns the number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_secrets_until(&self, at: i64) -> Result<u32, StoreError> {
        let gone = Condition::all()
            .add(Column::SessionId.eq(self.session.to_bytes()))
            .add(Column::ExpiresAt.gt(0))
            .add(Column::ExpiresAt.lte(at));
        self.delete::<device_secret::Entity>(vec![gone]).await
    }

    fn row_of(&self, secret: Secret) -> device_secret::Model {
        let Secret { key, secret, expires_at, message_at } = secret;
        let session_id = self.session.to_bytes();
        let secret = self.store.encryption.encrypt(&AssociatedData::secret(&session_id, &key), secret);
        device_secret::Model { session_id, key, secret, expires_at, message_at }
    }

    fn secret_of(&self, row: device_secret::Model) -> Result<Secret, StoreError> {
        let device_secret::Model { session_id, key, secret, expires_at, message_at } = row;
        let secret = self.store.encryption.decrypt(&AssociatedData::secret(&session_id, &key), secret)?;
        Ok(Secret { key, secret, expires_at, message_at })
    }
}

/// [`Secret::merge`] with the stored row.
fn merge_stored() -> OnConflict {
    let stored = |column: Column| Expr::col((device_secret::Entity, column));
    let given = |column: Column| Expr::col(("excluded", column));
    let later = |column: Column| Expr::case(stored(column).gt(given(column)), stored(column)).finally(given(column));
    let for_ever = stored(Column::ExpiresAt).eq(0).or(given(Column::ExpiresAt).eq(0));
    OnConflict::columns([Column::SessionId, Column::Key])
        .update_column(Column::Secret)
        .value(Column::ExpiresAt, Expr::case(for_ever, 0).finally(later(Column::ExpiresAt)))
        .value(Column::MessageAt, later(Column::MessageAt))
        .to_owned()
}
