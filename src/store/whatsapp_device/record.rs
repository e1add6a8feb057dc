//! Records: state that is looked up by its key or a key prefix.

use std::collections::BTreeMap;

use chatgraph_entity::device_record::{self, Column};
use sea_orm::{
    ColumnTrait as _, Condition, DeleteMany, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, QueryTrait as _, sea_query::OnConflict,
};

use super::{BATCH_ROWS, DeviceState, StoreError, UnitOfWork};
use crate::{domain::id::SessionId, store::encryption::AssociatedData};

/// Kind of a record. The numbers are stored in rows and never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i16)]
pub enum RecordKind {
    /// The device itself: its keys, its link to the account.
    Device = 1,
    /// The identity key of another device.
    Identity = 2,
    /// The Signal session with another device.
    Session = 3,
    /// A one-time prekey.
    PreKey = 4,
    /// The signed prekey.
    SignedPreKey = 5,
    /// A sender key of a group.
    SenderKey = 6,
    /// An app-state sync key.
    SyncKey = 7,
    /// The id of the newest sync key.
    LatestSyncKey = 8,
    /// The version of an app-state collection.
    Version = 9,
    /// The MAC of one app-state record.
    MutationMac = 10,
    /// The base key of a session, stored while a message is sent again.
    BaseKey = 11,
    /// The devices of a person.
    DeviceList = 12,
    /// Metadata of a group.
    Group = 13,
    /// A sent message, for retries by recipients that could not decrypt it.
    SentMessage = 14,
    /// A received message that is not in the stored copy yet.
    PendingInbound = 15,
    /// An app-state collection that was read and whose changes may not be in the stored copy yet.
    PendingSync = 16,
    /// A part of the history that was announced and is not in the stored copy yet.
    HistoryNotice = 17,
    /// The announcement of such a part: its location and its key.
    HistoryPart = 18,
    /// The setting that decides whether a new message unarchives its chat.
    UnarchivesChats = 19,
}

impl RecordKind {
    /// Kinds that are never encrypted: our own marks, which are not secret and are queried by value, and a switch.
    pub(in crate::store) const IN_PLAIN: [Self; 3] = [Self::PendingSync, Self::HistoryNotice, Self::UnarchivesChats];
}

/// Key and value of a record.
type KeyAndValue = (Vec<u8>, Vec<u8>);

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its kind.
    pub kind: RecordKind,
    /// The key; its bytes sort like its meaning.
    pub key: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
    /// Time for its expiry, in seconds; `None` if it does not expire.
    pub at: Option<i64>,
}

impl DeviceState {
    /// Returns the value of one record.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record(&self, kind: RecordKind, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let query = device_record::Entity::find().filter(self.records_of(kind)).filter(Column::Key.eq(key));
        self.find_one(query).await?.map(|row| self.value(row)).transpose()
    }

    /// Returns the existing records among `keys`, as keys and values. One query per 1000.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn records(&self, kind: RecordKind, keys: &[Vec<u8>]) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        let mut found = Vec::with_capacity(keys.len());
        for keys in keys.chunks(BATCH_ROWS) {
            let keys = keys.iter().map(Vec::as_slice);
            let query = device_record::Entity::find().filter(self.records_of(kind)).filter(Column::Key.is_in(keys));
            found.extend(self.find_all(query).await?);
        }
        self.keys_and_values(found)
    }

    /// Returns the records of a kind, as keys and values in the order of the keys.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn all_records(&self, kind: RecordKind) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        let query = device_record::Entity::find().filter(self.records_of(kind)).order_by_asc(Column::Key);
        self.keys_and_values(self.find_all(query).await?)
    }

    /// Returns the last key of a kind.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn last_record(&self, kind: RecordKind) -> Result<Option<Vec<u8>>, StoreError> {
        let query = device_record::Entity::find().filter(self.records_of(kind)).order_by_desc(Column::Key);
        Ok(self.find_one(query).await?.map(|row| row.key))
    }

    /// Returns whether there is a record whose key starts with `prefix`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_record_under(&self, kind: RecordKind, prefix: &[u8]) -> Result<bool, StoreError> {
        let query = device_record::Entity::find().filter(self.records_of(kind)).filter(under(prefix));
        Ok(self.find_one(query).await?.is_some())
    }

    /// Inserts or replaces records. If two have the same key, the later one wins.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_records(&self, records: Vec<Record>) -> Result<(), StoreError> {
        let rows: BTreeMap<_, _> =
            records.into_iter().map(|record| ((record.kind, record.key), (record.value, record.at))).collect();
        let rows = rows.into_iter().map(|((kind, key), (value, at))| {
            let (session_id, value) = (self.session.to_bytes(), self.sealed(kind, &key, value));
            device_record::Model { session_id, kind: kind as i16, key, value, at }.into_active_model()
        });
        let key = [Column::SessionId, Column::Kind, Column::Key];
        let replaced = OnConflict::columns(key).update_columns([Column::Value, Column::At]).to_owned();
        self.upsert(rows.collect(), replaced).await
    }

    /// Removes records; missing ones are ignored.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_records(&self, kind: RecordKind, keys: &[Vec<u8>]) -> Result<(), StoreError> {
        let keys = keys.chunks(BATCH_ROWS).map(|keys| Column::Key.is_in(keys.iter().map(Vec::as_slice)));
        let gone = keys.map(|keys| self.records_of(kind).add(keys)).collect();
        self.delete::<device_record::Entity>(gone).await.map(drop)
    }

    /// Removes the records whose key starts with `prefix`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_records_under(&self, kind: RecordKind, prefix: &[u8]) -> Result<(), StoreError> {
        let gone = self.records_of(kind).add(under(prefix));
        self.delete::<device_record::Entity>(vec![gone]).await.map(drop)
    }

    /// Removes the records that are older than `at`, and returns the number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_records_before(&self, kind: RecordKind, at: i64) -> Result<u32, StoreError> {
        let gone = self.records_of(kind).add(Column::At.lt(at));
        self.delete::<device_record::Entity>(vec![gone]).await
    }

    /// Removes a record and returns its value, to one caller only.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take_record(&self, kind: RecordKind, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let this = self.records_of(kind).add(Column::Key.eq(key));
        let taken = self.write(this, |this, unit| {
            Box::pin(async move {
                let found = device_record::Entity::find().filter(this.clone()).one(unit.tx).await?;
                let gone = device_record::Entity::delete_many().filter(this).exec(unit.tx).await?;
                Ok(found.filter(|_| gone.rows_affected > 0))
            })
        });
        taken.await?.map(|row| self.value(row)).transpose()
    }

    /// Removes a record of one kind, and all records of another kind with a key prefix, in one unit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_record_and_those_under(
        &self,
        kind: RecordKind,
        key: &[u8],
        under_kind: RecordKind,
        prefix: &[u8],
    ) -> Result<(), StoreError> {
        let one = self.records_of(kind).add(Column::Key.eq(key));
        let others = self.records_of(under_kind).add(under(prefix));
        self.delete::<device_record::Entity>(vec![one, others]).await.map(drop)
    }

    fn sealed(&self, kind: RecordKind, key: &[u8], value: Vec<u8>) -> Vec<u8> {
        let session = self.session.bytes();
        let is_secret = !RecordKind::IN_PLAIN.contains(&kind);
        if is_secret {
            self.store.encryption.encrypt(&AssociatedData::record(&session, kind as i16, key), value)
        } else {
            value
        }
    }

    fn value(&self, row: device_record::Model) -> Result<Vec<u8>, StoreError> {
        let is_secret = RecordKind::IN_PLAIN.iter().all(|kind| *kind as i16 != row.kind);
        let place = AssociatedData::record(&row.session_id, row.kind, &row.key);
        if is_secret { self.store.encryption.decrypt(&place, row.value) } else { Ok(row.value) }
    }

    fn keys_and_values(&self, rows: Vec<device_record::Model>) -> Result<Vec<KeyAndValue>, StoreError> {
        rows.into_iter().map(|row| Ok((row.key.clone(), self.value(row)?))).collect()
    }

    pub(super) fn records_of(&self, kind: RecordKind) -> Condition {
        Condition::all().add(Column::SessionId.eq(self.session.to_bytes())).add(Column::Kind.eq(kind as i16))
    }
}

impl UnitOfWork<'_> {
    /// Removes the mark of a collection whose changes up to `mark` are in the stored copy; a newer mark stays.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn settings_told(&self, session: SessionId, collection: &str, mark: u64) -> Result<(), StoreError> {
        let this = device_record::Entity::delete_many()
            .filter(Column::SessionId.eq(session.to_bytes()))
            .filter(Column::Kind.eq(RecordKind::PendingSync as i16))
            .filter(Column::Key.eq(collection.as_bytes()))
            .filter(Column::Value.eq(mark.to_be_bytes().as_slice()));
        this.exec(self.tx).await?;
        Ok(())
    }

    /// Records that a part of the history was announced; WhatsApp does not announce it again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn history_announced(&self, session: SessionId, notice: &str) -> Result<(), StoreError> {
        let (session_id, key) = (session.to_bytes(), notice.as_bytes().to_vec());
        let row =
            device_record::Model { session_id, kind: RecordKind::HistoryNotice as i16, key, value: vec![], at: None };
        let known = OnConflict::columns([Column::SessionId, Column::Kind, Column::Key]).do_nothing().to_owned();
        device_record::Entity::insert(row.into_active_model())
            .on_conflict(known)
            .exec_without_returning(self.tx)
            .await?;
        Ok(())
    }

    /// Removes an announced part of the history that is in the stored copy.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn history_stored(&self, session: SessionId, notice: &str) -> Result<(), StoreError> {
        for kind in [RecordKind::HistoryNotice, RecordKind::HistoryPart] {
            let this = of_kind(session, kind).filter(Column::Key.eq(notice.as_bytes()));
            this.exec(self.tx).await?;
        }
        Ok(())
    }

    /// Removes the announced parts of the history whose announcement is not stored; returns whether there were any,
    /// which are lost.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn history_expected(&mut self, session: SessionId) -> Result<bool, StoreError> {
        let kept = device_record::Entity::find()
            .select_only()
            .column(Column::Key)
            .filter(Column::SessionId.eq(session.to_bytes()))
            .filter(Column::Kind.eq(RecordKind::HistoryPart as i16))
            .into_query();
        let lost = of_kind(session, RecordKind::HistoryNotice).filter(Column::Key.not_in_subquery(kept));
        Ok(lost.exec(self.tx).await?.rows_affected > 0)
    }
}

fn of_kind(session: SessionId, kind: RecordKind) -> DeleteMany<device_record::Entity> {
    device_record::Entity::delete_many()
        .filter(Column::SessionId.eq(session.to_bytes()))
        .filter(Column::Kind.eq(kind as i16))
}

/// Condition for keys that start with `prefix`, as a range of the primary key.
pub(super) fn under(prefix: &[u8]) -> Condition {
    let from = Condition::all().add(Column::Key.gte(prefix));
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return from.add(Column::Key.lt(end));
        }
    }
    from
}
