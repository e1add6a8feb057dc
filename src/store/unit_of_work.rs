//! A unit of work: what is committed together.

use futures_util::future::BoxFuture;

use crate::domain::change::Change;
use crate::domain::id::OrganizationId;

use super::connect::Transaction;
use super::unit_cache::UnitCache;

/// The body of a unit, as [`super::Store::write`] expects it: `Box::pin(async move { .. })`.
pub type Work<'u, T, E> = BoxFuture<'u, Result<T, E>>;

/// A unit of work in a savepoint. The changes that it records are numbered and stored when the journal commits.
pub struct UnitOfWork<'t> {
    pub(super) tx: &'t Transaction,
    /// Organization whose changes it may record; the journal assigned its lane for it.
    pub(super) organization: &'t OrganizationId,
    pub(super) recorded: Vec<Change>,
    /// Cache of many chats.
    pub(super) cache: Option<Box<UnitCache>>,
}

impl UnitOfWork<'_> {
    /// Adds `change` to the organization's change log. Changes must be recorded in order.
    ///
    /// # Panics
    /// If the unit was begun for another organization.
    pub fn record(&mut self, organization: &OrganizationId, change: Change) {
        assert_eq!(organization, self.organization, "a unit records the changes of one organization");
        self.recorded.push(change);
    }
}
