//! Numbers of changes. They are assigned as late as possible before the commit, by the counter of the organization.

use chatgraph_entity::organization;
use sea_orm::{ColumnTrait as _, ConnectionTrait, EntityTrait as _, ExprTrait as _, QueryFilter as _};

#[cfg(debug_assertions)]
use super::revision_check::check_revisions;
use crate::{
    domain::{change::Change, id::OrganizationId},
    store::{change, connect::Transaction, error::StoreError},
};

/// Numbers the changes of an organization and stores them.
pub(super) async fn number(
    tx: &Transaction,
    organization: &OrganizationId,
    changes: &mut [Change],
) -> Result<(), StoreError> {
    let last = raise_last_change(tx, organization, changes.len()).await?;
    for (number, change) in (1..=last).rev().zip(changes.iter_mut().rev()) {
        change.number = number;
    }
    change::insert(tx, organization, changes).await?;
    #[cfg(debug_assertions)]
    check_revisions(tx, organization, changes).await?;
    Ok(())
}

/// Increments the counter by `count` and returns the new value. Its row lock orders the organization's commits.
async fn raise_last_change(
    tx: &impl ConnectionTrait,
    organization: &OrganizationId,
    count: usize,
) -> Result<i64, StoreError> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let rows = organization::Entity::update_many()
        .col_expr(organization::Column::LastChange, organization::Column::LastChange.into_expr().add(count))
        .filter(organization::Column::Id.eq(organization.as_str()))
        .exec_with_returning(tx)
        .await?;
    let row = rows.first().ok_or(StoreError::Corrupt { table: "organization", column: "id" })?;
    Ok(row.last_change)
}
