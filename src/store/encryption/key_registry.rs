//! The database's list of master keys in use. A key is added before the first value is encrypted with it, and removed
//! when no value is any more. A server can thus check at its start whether a key is missing, without reading the
//! values.
//!
//! A server adds the key that it encrypts with, and marks it; only one server at a time runs on a database. No other
//! key is added while it runs, so it can decrypt everything that a concurrent rotation encrypts.

use std::collections::BTreeSet;

use chatgraph_entity::{device_record, device_secret, device_token, master_key, quarantined_event};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait as _, ConnectionTrait, DatabaseConnection, EntityTrait, QueryFilter as _, QuerySelect as _,
    QueryTrait as _,
    sea_query::{Expr, OnConflict},
};
use tracing::error;

use super::{Encryption, MasterKeyId, MasterKeys};
use crate::store::{
    connect::{self, OpenError},
    error::StoreError,
};

/// A key; `None` for plaintext.
pub(super) type Entry = Option<MasterKeyId>;

/// The list.
pub(super) struct KeyRegistry {
    /// Keys that values may be encrypted with.
    pub(super) entries: BTreeSet<Entry>,
    /// Key of the server that was started last; `None` if none was started since the list exists.
    pub(super) seals: Option<Entry>,
}

/// Adds the key that encrypts, for a starting server or for a caller that excludes all servers.
///
/// # Errors
/// [`OpenError::NoMasterKey`] if a key is missing.
pub(in crate::store) async fn register(
    writers: &DatabaseConnection,
    keys: &MasterKeys,
) -> Result<Encryption, OpenError> {
    let tx = connect::begin(writers).await?;
    let mut registry = KeyRegistry::read(&tx).await?;
    registry.check(keys)?;
    let now = keys.encryption_key();
    registry.entries.insert(now);
    if registry.seals != Some(now) {
        master_key::Entity::update_many().col_expr(master_key::Column::Seals, Expr::value(false)).exec(&tx).await?;
        for entry in &registry.entries {
            let row = master_key::ActiveModel { id: Set(text(*entry)), seals: Set(*entry == now) };
            let known = OnConflict::column(master_key::Column::Id).update_column(master_key::Column::Seals).to_owned();
            master_key::Entity::insert(row).on_conflict(known).exec_without_returning(&tx).await?;
        }
    }
    tx.commit().await.map_err(StoreError::from)?;
    Ok(registry.encryption(keys))
}

impl KeyRegistry {
    /// Reads the list. A database from before the list may contain plaintext.
    pub(super) async fn read(tx: &impl ConnectionTrait) -> Result<Self, StoreError> {
        let mut registry = Self { entries: BTreeSet::new(), seals: None };
        for row in master_key::Entity::find().all(tx).await? {
            // An unreadable id is not a key. Only the values that it encrypted are rejected, one by one.
            let Ok(entry) = entry(&row.id).inspect_err(|unreadable| {
                error!(error = unreadable as &dyn std::error::Error, "Ignored an unreadable master key");
            }) else {
                continue;
            };
            registry.entries.insert(entry);
            if row.seals {
                registry.seals = Some(entry);
            }
        }
        if registry.entries.is_empty()
            && (is_filled::<device_record::Entity>(tx).await?
                || is_filled::<device_secret::Entity>(tx).await?
                || is_filled::<device_token::Entity>(tx).await?
                || is_filled::<quarantined_event::Entity>(tx).await?)
        {
            registry.entries.insert(None);
        }
        Ok(registry)
    }

    /// Checks that all needed keys are available.
    ///
    /// # Errors
    /// [`OpenError::NoMasterKey`].
    pub(super) fn check(&self, keys: &MasterKeys) -> Result<(), OpenError> {
        let missing = self.entries.iter().flatten().find(|&&id| keys.get(id).is_none());
        missing.map_or(Ok(()), |id| Err(OpenError::NoMasterKey(*id)))
    }

    /// Returns the encryption with these keys.
    pub(super) fn encryption(&self, keys: &MasterKeys) -> Encryption {
        Encryption { keys: keys.clone(), strict: !self.entries.contains(&None) }
    }
}

/// Removes all keys except the one that encrypts and `kept`, unless a server with another key was started. Returns
/// whether it did.
pub(super) async fn remove_other_keys(
    writers: &DatabaseConnection,
    keys: &MasterKeys,
    kept: &BTreeSet<Entry>,
) -> Result<bool, OpenError> {
    let tx = connect::begin(writers).await?;
    let current = KeyRegistry::read(&tx).await?.seals == Some(keys.encryption_key());
    if current {
        let kept = kept.iter().copied().chain([keys.encryption_key()]).map(text);
        let others = master_key::Column::Id.is_not_in(kept);
        master_key::Entity::delete_many().filter(others).exec(&tx).await?;
    }
    tx.commit().await.map_err(StoreError::from)?;
    Ok(current)
}

/// Removes one key.
pub(super) async fn remove_key(writers: &DatabaseConnection, id: MasterKeyId) -> Result<(), StoreError> {
    master_key::Entity::delete_by_id(id.to_string()).exec(writers).await?;
    Ok(())
}

async fn is_filled<E: EntityTrait>(tx: &impl ConnectionTrait) -> Result<bool, StoreError> {
    let query = E::find().select_only().expr(Expr::value(1)).limit(1).build(tx.get_database_backend());
    Ok(tx.query_one_raw(query).await?.is_some())
}

fn text(entry: Entry) -> String {
    entry.map(|id| id.to_string()).unwrap_or_default()
}

fn entry(text: &str) -> Result<Entry, StoreError> {
    let corrupt = |_| StoreError::Corrupt { table: "master_key", column: "id" };
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(corrupt) }
}
