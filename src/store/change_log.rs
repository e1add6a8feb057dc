//! Reads of the change log.

use chatgraph_entity::change;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Select};

use super::{Store, change::from_row, error::StoreError};
use crate::domain::{change::Change, id::OrganizationId};

impl Store {
    /// Returns at most `limit` changes after the number `after`, in order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn changes(
        &self,
        organization: &OrganizationId,
        after: i64,
        limit: u64,
    ) -> Result<Vec<Change>, StoreError> {
        let rows = following(organization, after, limit).all(&self.reader(organization)).await?;
        rows.iter().map(from_row).collect()
    }

    /// Returns the number of the oldest stored change; `None` if the log is empty.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn oldest_change(&self, organization: &OrganizationId) -> Result<Option<i64>, StoreError> {
        Ok(change::Entity::find()
            .select_only()
            .column(change::Column::Number)
            .filter(change::Column::Organization.eq(organization.as_str()))
            .order_by_asc(change::Column::Number)
            .limit(1)
            .into_tuple::<i64>()
            .one(&self.reader(organization))
            .await?)
    }
}

/// Query for the changes after a number; `store::tests::plans` checks its plan.
pub(super) fn following(organization: &OrganizationId, after: i64, limit: u64) -> Select<change::Entity> {
    change::Entity::find()
        .filter(change::Column::Organization.eq(organization.as_str()))
        .filter(change::Column::Number.gt(after))
        .order_by_asc(change::Column::Number)
        .limit(limit)
}
