//! The account setting that decides whether a new message unarchives its chat.

use chatgraph_entity::device_record::{self, Column};
use sea_orm::{ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, sea_query::OnConflict};

use super::{RecordKind, StoreError, UnitOfWork};
use crate::domain::id::SessionId;

impl UnitOfWork<'_> {
    /// Returns true if a new message unarchives its chat; false if nothing is stored.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unarchives_chats(&self, session: SessionId) -> Result<bool, StoreError> {
        let this = device_record::Entity::find()
            .filter(Column::SessionId.eq(session.to_bytes()))
            .filter(Column::Kind.eq(RecordKind::UnarchivesChats as i16))
            .filter(Column::Key.eq([].as_slice()));
        Ok(this.one(self.tx).await?.is_some_and(|row| row.value == [1]))
    }

    /// Stores whether it does.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_unarchives_chats(&self, session: SessionId, unarchives: bool) -> Result<(), StoreError> {
        let (session_id, kind) = (session.to_bytes(), RecordKind::UnarchivesChats as i16);
        let row = device_record::Model { session_id, kind, key: vec![], value: vec![unarchives.into()], at: None };
        let key = [Column::SessionId, Column::Kind, Column::Key];
        device_record::Entity::insert(row.into_active_model())
            .on_conflict(OnConflict::columns(key).update_column(Column::Value).to_owned())
            .exec_without_returning(self.tx)
            .await?;
        Ok(())
    }
}
