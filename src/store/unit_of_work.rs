//! A unit of work: what is committed together.

use futures_util::future::BoxFuture;

use crate::domain::change::Change;
use crate::domain::id::OrganizationId;

use super::connect::Transaction;
use super::unit_cache::UnitCache;

/// The body of a unit, as [`super::Store::write`] expects it: `Box::pin(async move { .. })`.
pub type Work<'u, T, E> = BoxFuture<'u, Result<T, E>>;

/// A unit of work in a savepoint: reads and writes of one organization at one time. The changes that it records are
/// numbered and stored when the group is committed.
pub struct UnitOfWork<'t> {
    pub(super) tx: &'t Transaction,
    /// Organization of all rows that it reads and writes; the group commit assigned its lane for it.
    pub(super) organization: &'t OrganizationId,
    /// Time at which it was submitted, in milliseconds.
    pub(super) now: i64,
    pub(super) recorded: Vec<Change>,
    /// Cache of many chats.
    pub(super) cache: Option<Box<UnitCache>>,
}

impl<'t> UnitOfWork<'t> {
    /// Returns the organization.
    #[must_use]
    pub fn organization(&self) -> &'t OrganizationId {
        self.organization
    }

    /// Returns the time of the unit, in milliseconds: the same one whenever it is asked for, and after a retry.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.now
    }

    /// Adds `change` to the organization's change log. Changes must be recorded in order.
    pub fn record(&mut self, change: Change) {
        self.recorded.push(change);
    }
}
