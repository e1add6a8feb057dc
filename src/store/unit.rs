//! One unit of work: what is committed together.

use futures_util::future::BoxFuture;
use sea_orm::DatabaseTransaction;

use crate::domain::change::Change;
use crate::domain::id::OrganizationId;

/// The body of a unit, as [`super::Store::write`] takes it: `Box::pin(async move { .. })`.
pub type Work<'u, T, E> = BoxFuture<'u, Result<T, E>>;

/// One unit of work, under its own savepoint. What it records is numbered and stored when the journal commits.
pub struct Unit<'t> {
    pub(super) tx: &'t DatabaseTransaction,
    pub(super) recorded: Vec<(OrganizationId, Change)>,
}

impl Unit<'_> {
    /// Adds `change` to the organization's change log. Call it in the order in which things happened.
    pub fn record(&mut self, organization: &OrganizationId, change: Change) {
        self.recorded.push((organization.clone(), change));
    }
}
