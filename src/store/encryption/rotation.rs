//! Re-encryption of all values, while a server may run: page by page, and each value only if it is unchanged since it
//! was read, so that concurrent writes are not lost. New values are already encrypted with the new key. An interrupted
//! rotation continues with the remaining values.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use chatgraph_entity::{device_record, device_secret, device_token, quarantined_event};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, EntityTrait as _};
use tracing::info;

use super::{
    Encryption, MasterKeyId, MasterKeys,
    columns::{self, EncryptedRow},
    key_of,
    key_registry::{self, Entry, KeyRegistry},
};
use crate::{
    backoff::Backoff,
    domain::id::SessionId,
    store::{
        connect::{self, Config, DatabaseLock, OpenError, ServerLock},
        error::StoreError,
        whatsapp_device,
    },
};

/// Attempts of a page that conflicts with the server, and pauses between them.
const MAX_ATTEMPTS: u32 = 20;
const FIRST_RETRY_DELAY: Duration = Duration::from_millis(100);
const MAX_RETRY_DELAY: Duration = Duration::from_millis(400);
/// Values between two progress messages.
const PROGRESS_INTERVAL: u64 = 20_000;

/// Result of a rotation.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// Number of re-encrypted values.
    pub anew: u64,
    /// Number of values that were up to date.
    pub before: u64,
    /// Number of values that could not be decrypted and are unchanged, by session.
    pub unopened: BTreeMap<SessionId, u64>,
    /// True if no server with another key was started meanwhile: except for undecryptable values, no other key is
    /// needed.
    pub is_final: bool,
    /// Keys of the values that could not be decrypted.
    kept: BTreeSet<Entry>,
}

/// Encrypts every value with the first key, or decrypts all of them if no key encrypts.
///
/// # Errors
/// [`OpenError`], including [`OpenError::NoMasterKey`] if a key is missing, and [`OpenError::NotServed`] if a running
/// server could not decrypt the result.
pub async fn rotate_master_key(config: &Config, keys: &MasterKeys) -> Result<Rotated, OpenError> {
    connect::require(config)?;
    let (alone, writers, encryption) = match DatabaseLock::take(config) {
        Ok(hold) if matches!(config, Config::Sqlite(_)) => {
            let writers = opened(config).await?;
            let encryption = key_registry::register(&writers, keys).await?;
            (Some(hold), writers, encryption)
        }
        Ok(_) | Err(OpenError::InUse(_)) => {
            let writers = opened(config).await?;
            let encryption = beside_a_server(&writers, keys).await?;
            (None, writers, encryption)
        }
        Err(failed) => return Err(failed),
    };
    let mut rotated = Rotated::default();
    rotate::<device_record::Entity>(&writers, &encryption, &mut rotated).await?;
    rotate::<device_secret::Entity>(&writers, &encryption, &mut rotated).await?;
    rotate::<device_token::Entity>(&writers, &encryption, &mut rotated).await?;
    rotate::<quarantined_event::Entity>(&writers, &encryption, &mut rotated).await?;
    rotated.is_final = key_registry::remove_other_keys(&writers, keys, &rotated.kept).await?;
    if alone.is_some() {
        // The former plaintext is still in free pages of the file.
        writers.execute_unprepared("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)").await.map_err(StoreError::from)?;
    }
    writers.close().await?;
    Ok(rotated)
}

/// Counts the values by the key in their header, and plaintext under `None`.
///
/// # Errors
/// [`OpenError`].
pub async fn master_key_rows(config: &Config) -> Result<BTreeMap<Option<MasterKeyId>, u64>, OpenError> {
    let writers = connect::writers(config).await?;
    connect::is_up_to_date(&writers).await?;
    let mut counts = BTreeMap::new();
    let mut count = |_: &[u8], key| *counts.entry(key).or_default() += 1;
    look_through::<device_record::Entity>(&writers, &mut count).await?;
    look_through::<device_secret::Entity>(&writers, &mut count).await?;
    look_through::<device_token::Entity>(&writers, &mut count).await?;
    look_through::<quarantined_event::Entity>(&writers, &mut count).await?;
    writers.close().await?;
    Ok(counts)
}

/// Deletes the device state of every session that needs a lost key: each must be paired again, and keeps its stored
/// copy. Returns the number of sessions. No server may run on the database.
///
/// # Errors
/// [`OpenError`], including [`OpenError::NotNeeded`] if no value is encrypted with the key.
pub async fn forget_master_key(config: &Config, id: MasterKeyId) -> Result<usize, OpenError> {
    connect::require(config)?;
    let (_hold, _lock) = (DatabaseLock::take(config)?, ServerLock::take(config).await?);
    let writers = opened(config).await?;
    if !KeyRegistry::read(&writers).await?.entries.contains(&Some(id)) {
        return Err(OpenError::NotNeeded(id));
    }
    let mut sessions = BTreeSet::new();
    let mut find = |session: &[u8], key| {
        if key == Some(id) {
            sessions.insert(session.to_vec());
        }
    };
    look_through::<device_record::Entity>(&writers, &mut find).await?;
    look_through::<device_secret::Entity>(&writers, &mut find).await?;
    look_through::<device_token::Entity>(&writers, &mut find).await?;
    for session in &sessions {
        let tx = connect::begin(&writers).await?;
        whatsapp_device::forget(&tx, session).await?;
        tx.commit().await.map_err(StoreError::from)?;
    }
    delete_quarantined(&writers, id).await?;
    key_registry::remove_key(&writers, id).await?;
    writers.close().await?;
    Ok(sessions.len())
}

/// Deletes the quarantined events that a lost key encrypted. Their imports stay incomplete.
async fn delete_quarantined(writers: &DatabaseConnection, key: MasterKeyId) -> Result<(), StoreError> {
    let mut last = None;
    loop {
        let mut page = columns::page::<quarantined_event::Entity>(writers, last.as_ref()).await?;
        for row in page.iter().filter(|row| key_of(&row.payload) == Some(key)) {
            quarantined_event::Entity::delete_by_id(row.id.clone()).exec(writers).await?;
        }
        let Some(row) = page.pop() else { return Ok(()) };
        last = Some(row);
    }
}

/// Returns the encryption beside a running server: with its key, and with all keys in use.
async fn beside_a_server(writers: &DatabaseConnection, keys: &MasterKeys) -> Result<Encryption, OpenError> {
    let registry = KeyRegistry::read(writers).await?;
    registry.check(keys)?;
    if registry.seals == Some(keys.encryption_key()) {
        Ok(registry.encryption(keys))
    } else {
        Err(OpenError::NotServed)
    }
}

async fn opened(config: &Config) -> Result<DatabaseConnection, OpenError> {
    let writers = connect::writers(config).await?;
    connect::migrate(&writers).await?;
    Ok(writers)
}

async fn rotate<E: EncryptedRow>(
    writers: &DatabaseConnection,
    encryption: &Encryption,
    rotated: &mut Rotated,
) -> Result<(), StoreError> {
    let mut last = None;
    loop {
        let mut page = columns::page::<E>(writers, last.as_ref()).await?;
        let mut changes = Vec::new();
        for row in &page {
            if encryption.is_current(E::value(row)) {
                rotated.before += 1;
                continue;
            }
            let place = E::associated_data(row);
            match encryption.decrypt(&place, E::value(row).to_vec()) {
                Ok(value) => changes.push((row, encryption.encrypt(&place, value))),
                Err(_) => rotated.does_not_open(E::session(row), E::value(row)),
            }
        }
        let began = Instant::now();
        rotated.anew += replace::<E>(writers, &changes).await?;
        let seen = rotated.anew + rotated.before;
        if seen % PROGRESS_INTERVAL < (page.len() as u64) && seen >= PROGRESS_INTERVAL {
            info!(anew = rotated.anew, before = rotated.before, "Re-encrypting secrets");
        }
        let Some(row) = page.pop() else { return Ok(()) };
        last = Some(row);
        // Leaves the database to the server for half of the time.
        tokio::time::sleep(began.elapsed()).await;
    }
}

/// Replaces values in one transaction, and returns the number of those that were unchanged since they were read.
async fn replace<E: EncryptedRow>(
    writers: &DatabaseConnection,
    changes: &[(&E::Model, Vec<u8>)],
) -> Result<u64, StoreError> {
    if changes.is_empty() {
        return Ok(0);
    }
    let (mut attempt, mut pauses) = (1, Backoff::half_jitter(FIRST_RETRY_DELAY, MAX_RETRY_DELAY));
    loop {
        match replace_once::<E>(writers, changes).await {
            Err(failed) if failed.is_passing() && attempt < MAX_ATTEMPTS => {
                attempt += 1;
                pauses.wait().await;
            }
            done => return done,
        }
    }
}

async fn replace_once<E: EncryptedRow>(
    writers: &DatabaseConnection,
    changes: &[(&E::Model, Vec<u8>)],
) -> Result<u64, StoreError> {
    let tx = connect::begin(writers).await?;
    let mut replaced = 0;
    for (row, value) in changes {
        replaced += u64::from(columns::replace::<E>(&tx, row, value.clone()).await?);
    }
    tx.commit().await.map_err(StoreError::from)?;
    Ok(replaced)
}

impl Rotated {
    fn does_not_open(&mut self, session: &[u8], value: &[u8]) {
        self.kept.insert(key_of(value));
        // A foreign key guarantees that it is a session's id.
        if let Ok(session) = SessionId::from_bytes(session) {
            *self.unopened.entry(session).or_default() += 1;
        }
    }
}

/// Visits every value with its session and its key.
async fn look_through<E: EncryptedRow>(
    writers: &DatabaseConnection,
    see: &mut impl FnMut(&[u8], Option<MasterKeyId>),
) -> Result<(), StoreError> {
    let mut last = None;
    loop {
        let mut page = columns::page::<E>(writers, last.as_ref()).await?;
        for row in &page {
            see(E::session(row), key_of(E::value(row)));
        }
        let Some(row) = page.pop() else { return Ok(()) };
        last = Some(row);
    }
}
