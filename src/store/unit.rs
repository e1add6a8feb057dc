//! One unit of work: what is committed together.

use futures_util::future::BoxFuture;

use crate::domain::change::Change;
use crate::domain::id::OrganizationId;

use super::connect::Transaction;
use super::shelf::Shelf;

/// The body of a unit, as [`super::Store::write`] takes it: `Box::pin(async move { .. })`.
pub type Work<'u, T, E> = BoxFuture<'u, Result<T, E>>;

/// One unit of work, behind a savepoint. What it records is numbered and stored when the journal commits.
pub struct Unit<'t> {
    pub(super) tx: &'t Transaction,
    /// Whose changes it may record: its place in the journal was given out for this organization.
    pub(super) organization: &'t OrganizationId,
    pub(super) recorded: Vec<Change>,
    /// What it has at hand of many chats at once.
    pub(super) shelf: Option<Box<Shelf>>,
}

impl Unit<'_> {
    /// Adds `change` to the organization's change log. Call it in the order in which things happened.
    ///
    /// # Panics
    /// When the unit was begun for another organization.
    pub fn record(&mut self, organization: &OrganizationId, change: Change) {
        assert_eq!(organization, self.organization, "a unit records the changes of one organization");
        self.recorded.push(change);
    }
}
