//! Devices that have the session's sender key of a group.

use std::collections::BTreeMap;

use chatgraph_entity::device_sender_key::{self, Column};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, sea_query::OnConflict,
};

use super::{BATCH_ROWS, DeviceState, StoreError};

impl DeviceState {
    /// Returns the known devices of a group, and whether each has the key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sender_key_devices(&self, group: &str) -> Result<Vec<(String, bool)>, StoreError> {
        let query = device_sender_key::Entity::find().filter(self.sender_keys()).filter(Column::GroupJid.eq(group));
        Ok(self.find_all(query).await?.into_iter().map(|row| (row.device_jid, row.has_key)).collect())
    }

    /// Stores whether devices of a group have the key. If a device occurs twice, the later entry wins.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_sender_key_devices(&self, group: &str, devices: Vec<(String, bool)>) -> Result<(), StoreError> {
        let devices: BTreeMap<_, _> = devices.into_iter().collect();
        let rows = devices.into_iter().map(|(device_jid, has_key)| {
            let (session_id, group_jid) = (self.session.to_bytes(), group.to_owned());
            device_sender_key::Model { session_id, group_jid, device_jid, has_key }.into_active_model()
        });
        let key = [Column::SessionId, Column::GroupJid, Column::DeviceJid];
        let replaced = OnConflict::columns(key).update_column(Column::HasKey).to_owned();
        self.upsert(rows.collect(), replaced).await
    }

    /// Removes the devices of a group, or of all groups.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn clear_sender_key_devices(&self, group: Option<&str>) -> Result<(), StoreError> {
        let gone = self.sender_keys().add_option(group.map(|group| Column::GroupJid.eq(group)));
        self.delete::<device_sender_key::Entity>(vec![gone]).await.map(drop)
    }

    /// Removes devices from all groups.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_sender_key_devices(&self, devices: &[&str]) -> Result<(), StoreError> {
        let devices = devices.chunks(BATCH_ROWS).map(|devices| Column::DeviceJid.is_in(devices.iter().copied()));
        let gone = devices.map(|devices| self.sender_keys().add(devices)).collect();
        self.delete::<device_sender_key::Entity>(gone).await.map(drop)
    }

    fn sender_keys(&self) -> Condition {
        Condition::all().add(Column::SessionId.eq(self.session.to_bytes()))
    }
}
