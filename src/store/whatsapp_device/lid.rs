//! Mappings between LIDs and phone numbers.

use std::collections::BTreeMap;

use chatgraph_entity::device_lid::{self, Column};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _, Select,
    sea_query::OnConflict,
};

use super::{DeviceState, StoreError};

/// A LID and its phone number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LidMapping {
    /// The LID, without its server.
    pub lid: String,
    /// The phone number.
    pub phone: String,
    /// Time at which it was first learned, in seconds.
    pub created_at: i64,
    /// Time at which it was last learned, in seconds; 0 from a source that may be outdated.
    pub updated_at: i64,
    /// The library's name of its source.
    pub source: String,
}

impl DeviceState {
    /// Returns the mapping of a LID.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn mapping_of_lid(&self, lid: &str) -> Result<Option<LidMapping>, StoreError> {
        Ok(self.find_one(self.lids().filter(Column::Lid.eq(lid))).await?.map(from_row))
    }

    /// Returns the newest mapping of a phone number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn mapping_of_phone(&self, phone: &str) -> Result<Option<LidMapping>, StoreError> {
        let query = self.lids().filter(Column::Phone.eq(phone)).order_by_desc(Column::UpdatedAt);
        Ok(self.find_one(query).await?.map(from_row))
    }

    /// Returns all mappings.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lid_mappings(&self) -> Result<Vec<LidMapping>, StoreError> {
        Ok(self.find_all(self.lids()).await?.into_iter().map(from_row).collect())
    }

    /// Stores mappings, one per LID: a later one replaces an earlier one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_lid_mappings(&self, mappings: Vec<LidMapping>) -> Result<(), StoreError> {
        let mappings: BTreeMap<_, _> = mappings.into_iter().map(|mapping| (mapping.lid.clone(), mapping)).collect();
        let rows = mappings.into_values().map(|mapping| to_row(self.session.to_bytes(), mapping).into_active_model());
        let replaced = [Column::Phone, Column::CreatedAt, Column::UpdatedAt, Column::Source];
        let replaced = OnConflict::columns([Column::SessionId, Column::Lid]).update_columns(replaced).to_owned();
        self.upsert(rows.collect(), replaced).await
    }

    fn lids(&self) -> Select<device_lid::Entity> {
        device_lid::Entity::find().filter(Column::SessionId.eq(self.session.to_bytes()))
    }
}

fn to_row(session_id: Vec<u8>, mapping: LidMapping) -> device_lid::Model {
    let LidMapping { lid, phone, created_at, updated_at, source } = mapping;
    device_lid::Model { session_id, lid, phone, created_at, updated_at, source }
}

fn from_row(row: device_lid::Model) -> LidMapping {
    let device_lid::Model { session_id: _, lid, phone, created_at, updated_at, source } = row;
    LidMapping { lid, phone, created_at, updated_at, source }
}
