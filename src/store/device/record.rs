//! Records: what is found by its key alone, or by the beginning of it.

use std::collections::BTreeMap;

use chatgraph_entity::device_record;
use chatgraph_entity::device_record::Column;
use sea_orm::ColumnTrait as _;
use sea_orm::Condition;
use sea_orm::DeleteMany;
use sea_orm::EntityTrait as _;
use sea_orm::IntoActiveModel as _;
use sea_orm::QueryFilter as _;
use sea_orm::QueryOrder as _;
use sea_orm::QuerySelect as _;
use sea_orm::QueryTrait as _;
use sea_orm::sea_query::OnConflict;

use super::DeviceState;
use super::ROWS;
use super::StoreError;
use super::Unit;
use crate::domain::id::SessionId;
use crate::store::sealing::Place;

/// What a record is. The numbers stand in rows; one is never given a second meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i16)]
pub enum Kind {
    /// The device itself: its keys, its link to the account.
    Device = 1,
    /// The identity key of another device.
    Identity = 2,
    /// The encrypted session with another device.
    Session = 3,
    /// A one-time key that others may begin a session with.
    PreKey = 4,
    /// The signed key that others may begin a session with.
    SignedPreKey = 5,
    /// A sender's key for a group.
    SenderKey = 6,
    /// A key of the account's settings.
    SyncKey = 7,
    /// The id of the newest of those.
    LatestSyncKey = 8,
    /// How far a collection of settings was read.
    Version = 9,
    /// The check value of one setting.
    MutationMac = 10,
    /// The key a session was begun with, kept while a message is sent again.
    BaseKey = 11,
    /// The devices of a person.
    DeviceList = 12,
    /// What is known of a group.
    Group = 13,
    /// A sent message, kept for those who could not read it.
    SentMessage = 14,
    /// A received message that is not in the stored copy yet.
    PendingInbound = 15,
    /// A collection of settings that was read, and whose news may not be in the stored copy yet.
    Untold = 16,
    /// A part of the history that was announced and is not in the stored copy yet.
    HistoryNotice = 17,
    /// The announcement of such a part: where it is, and the key to it.
    HistoryPart = 18,
}

impl Kind {
    /// The kinds that are never sealed: our own marks, which tell nothing and are asked for by their value.
    pub(in crate::store) const IN_PLAIN: [Self; 2] = [Self::Untold, Self::HistoryNotice];
}

/// Of a record.
type KeyAndValue = (Vec<u8>, Vec<u8>);

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What it is.
    pub kind: Kind,
    /// The key, in bytes that sort like what they stand for.
    pub key: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
    /// The time from which it grows old, in seconds; none if it does not.
    pub at: Option<i64>,
}

impl DeviceState {
    /// The value of one record.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record(&self, kind: Kind, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let query = device_record::Entity::find().filter(self.records_of(kind)).filter(Column::Key.eq(key));
        self.one(query).await?.map(|row| self.value(row)).transpose()
    }

    /// Keys and values of those among `keys` that there are. One query per 1000.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn records(&self, kind: Kind, keys: &[Vec<u8>]) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        let mut found = Vec::with_capacity(keys.len());
        for keys in keys.chunks(ROWS) {
            let keys = keys.iter().map(Vec::as_slice);
            let query = device_record::Entity::find().filter(self.records_of(kind)).filter(Column::Key.is_in(keys));
            found.extend(self.all(query).await?);
        }
        self.keys_and_values(found)
    }

    /// Keys and values of a kind, in the order of the keys.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn all_records(&self, kind: Kind) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        let query = device_record::Entity::find().filter(self.records_of(kind)).order_by_asc(Column::Key);
        self.keys_and_values(self.all(query).await?)
    }

    /// The last key of a kind.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn last_record(&self, kind: Kind) -> Result<Option<Vec<u8>>, StoreError> {
        let query = device_record::Entity::find().filter(self.records_of(kind)).order_by_desc(Column::Key);
        Ok(self.one(query).await?.map(|row| row.key))
    }

    /// Whether there is a record whose key begins like this.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_record_under(&self, kind: Kind, prefix: &[u8]) -> Result<bool, StoreError> {
        let query = device_record::Entity::find().filter(self.records_of(kind)).filter(under(prefix));
        Ok(self.one(query).await?.is_some())
    }

    /// Stores records, each in the place of an earlier one. Of two with the same key the later one counts.
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

    /// Removes records; those that are not there are no error.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_records(&self, kind: Kind, keys: &[Vec<u8>]) -> Result<(), StoreError> {
        let keys = keys.chunks(ROWS).map(|keys| Column::Key.is_in(keys.iter().map(Vec::as_slice)));
        let gone = keys.map(|keys| self.records_of(kind).add(keys)).collect();
        self.delete::<device_record::Entity>(gone).await.map(drop)
    }

    /// Removes the records whose key begins like this.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_records_under(&self, kind: Kind, prefix: &[u8]) -> Result<(), StoreError> {
        let gone = self.records_of(kind).add(under(prefix));
        self.delete::<device_record::Entity>(vec![gone]).await.map(drop)
    }

    /// Removes the records that are older than `at`, and tells how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_records_before(&self, kind: Kind, at: i64) -> Result<u32, StoreError> {
        let gone = self.records_of(kind).add(Column::At.lt(at));
        self.delete::<device_record::Entity>(vec![gone]).await
    }

    /// Removes a record and gives its value, to one caller only.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take_record(&self, kind: Kind, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
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

    /// Removes a record of one kind and those of another whose key begins like this, together.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_record_and_those_under(
        &self,
        (kind, key): (Kind, &[u8]),
        (under_kind, prefix): (Kind, &[u8]),
    ) -> Result<(), StoreError> {
        let one = self.records_of(kind).add(Column::Key.eq(key));
        let others = self.records_of(under_kind).add(under(prefix));
        self.delete::<device_record::Entity>(vec![one, others]).await.map(drop)
    }

    fn sealed(&self, kind: Kind, key: &[u8], value: Vec<u8>) -> Vec<u8> {
        let session = self.session.bytes();
        let is_secret = !Kind::IN_PLAIN.contains(&kind);
        if is_secret { self.store.sealing.seal(&Place::record(&session, kind as i16, key), value) } else { value }
    }

    fn value(&self, row: device_record::Model) -> Result<Vec<u8>, StoreError> {
        let is_secret = Kind::IN_PLAIN.iter().all(|kind| *kind as i16 != row.kind);
        let place = Place::record(&row.session_id, row.kind, &row.key);
        if is_secret { self.store.sealing.open(&place, row.value) } else { Ok(row.value) }
    }

    fn keys_and_values(&self, rows: Vec<device_record::Model>) -> Result<Vec<KeyAndValue>, StoreError> {
        rows.into_iter().map(|row| Ok((row.key.clone(), self.value(row)?))).collect()
    }

    pub(super) fn records_of(&self, kind: Kind) -> Condition {
        Condition::all().add(Column::SessionId.eq(self.session.to_bytes())).add(Column::Kind.eq(kind as i16))
    }
}

impl Unit<'_> {
    /// All that a collection of settings told up to `mark` is in the stored copy; what was read of it since is not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn settings_told(&self, session: SessionId, collection: &str, mark: u64) -> Result<(), StoreError> {
        let this = device_record::Entity::delete_many()
            .filter(Column::SessionId.eq(session.to_bytes()))
            .filter(Column::Kind.eq(Kind::Untold as i16))
            .filter(Column::Key.eq(collection.as_bytes()))
            .filter(Column::Value.eq(mark.to_be_bytes().as_slice()));
        this.exec(self.tx).await?;
        Ok(())
    }

    /// A part of the history was announced; WhatsApp will not announce it again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn history_announced(&self, session: SessionId, notice: &str) -> Result<(), StoreError> {
        let (session_id, key) = (session.to_bytes(), notice.as_bytes().to_vec());
        let row = device_record::Model { session_id, kind: Kind::HistoryNotice as i16, key, value: vec![], at: None };
        let known = OnConflict::columns([Column::SessionId, Column::Kind, Column::Key]).do_nothing().to_owned();
        device_record::Entity::insert(row.into_active_model())
            .on_conflict(known)
            .exec_without_returning(self.tx)
            .await?;
        Ok(())
    }

    /// An announced part of the history is in the stored copy.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn history_stored(&self, session: SessionId, notice: &str) -> Result<(), StoreError> {
        for kind in [Kind::HistoryNotice, Kind::HistoryPart] {
            let this = of_kind(session, kind).filter(Column::Key.eq(notice.as_bytes()));
            this.exec(self.tx).await?;
        }
        Ok(())
    }

    /// Of the announced parts of the history only those may still come whose announcement is kept; tells whether there
    /// were others, which are lost.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn history_expected(&mut self, session: SessionId) -> Result<bool, StoreError> {
        let kept = device_record::Entity::find()
            .select_only()
            .column(Column::Key)
            .filter(Column::SessionId.eq(session.to_bytes()))
            .filter(Column::Kind.eq(Kind::HistoryPart as i16))
            .into_query();
        let lost = of_kind(session, Kind::HistoryNotice).filter(Column::Key.not_in_subquery(kept));
        Ok(lost.exec(self.tx).await?.rows_affected > 0)
    }
}

fn of_kind(session: SessionId, kind: Kind) -> DeleteMany<device_record::Entity> {
    device_record::Entity::delete_many()
        .filter(Column::SessionId.eq(session.to_bytes()))
        .filter(Column::Kind.eq(kind as i16))
}

/// The keys that begin with `prefix`, as a range of the primary key.
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
