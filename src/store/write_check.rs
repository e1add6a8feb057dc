//! Check whether the database is writable.

use chatgraph_entity::write_check;
use sea_orm::{ActiveValue::Set, EntityTrait as _, sea_query::OnConflict};

use super::{Store, error::StoreError};
use crate::domain::id::OrganizationId;

impl Store {
    /// Writes a row through the group commit, like every other write.
    ///
    /// # Errors
    /// [`StoreError`] if the database is not writable.
    pub async fn check_writes(&self) -> Result<(), StoreError> {
        self.write(&OrganizationId::trash(), |unit| {
            Box::pin(async move {
                let known =
                    OnConflict::column(write_check::Column::Id).update_column(write_check::Column::At).to_owned();
                let row = write_check::ActiveModel { id: Set(1), at: Set(unit.now) };
                write_check::Entity::insert(row).on_conflict(known).exec_without_returning(unit.tx).await?;
                Ok(())
            })
        })
        .await
    }

    /// Returns whether the last write transaction failed because of the database's state.
    #[must_use]
    pub fn writes_fail(&self) -> bool {
        self.group_commit.tally().is_failing()
    }

    /// Waits until a write transaction fails. For one task only.
    pub async fn write_failed(&self) {
        self.group_commit.tally().has_failed().await;
    }
}
