//! A unit of work: what is committed together.

use futures_util::future::BoxFuture;

use super::{
    connect::Transaction,
    error::StoreError,
    unit_cache::{Lookup, UnitCache},
};
use crate::domain::{
    change::Change,
    id::{OrganizationId, SessionId},
    jid::Jid,
    person::Person,
};

/// The body of a unit, as [`super::Store::write`] expects it: `Box::pin(async move { .. })`.
pub type Work<'u, T, E> = BoxFuture<'u, Result<T, E>>;

/// A unit of work in a savepoint: reads and writes of one organization at one time. The changes that it records are
/// numbered and stored when the group is committed.
pub struct UnitOfWork<'t> {
    pub(super) tx: &'t Transaction,
    /// Organization of all rows that it reads and writes; the group commit chose its queue by it.
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

impl UnitOfWork<'_> {
    /// Loads the chats of these people and addresses into the cache; locks the session and the chats. Until
    /// [`UnitOfWork::flush`], reads are answered from the cache, and writes wait there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn preload(
        &mut self,
        session: SessionId,
        people: &[Person],
        jids: impl IntoIterator<Item = &Jid>,
    ) -> Result<(), StoreError> {
        self.flush().await?;
        let Some(session) = self.session_for_update(session).await? else { return Ok(()) };
        self.cache = Some(Box::new(UnitCache::load(self.tx, session, people, jids).await?));
        Ok(())
    }

    /// Flushes the cache: stores all changes and drops it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn flush(&mut self) -> Result<(), StoreError> {
        match self.cache.take() {
            Some(waiting) => waiting.store(self.tx).await,
            None => Ok(()),
        }
    }

    /// Returns the cache's answer; `None` if the database must be asked.
    pub(super) async fn cached<T>(
        &mut self,
        ask: impl FnOnce(&mut UnitCache) -> Lookup<T>,
    ) -> Result<Option<T>, StoreError> {
        match self.cache.as_mut().map(|cache| ask(cache)) {
            Some(Lookup::Hit(answer)) => Ok(Some(answer)),
            Some(Lookup::NotCached) | None => Ok(None),
            Some(Lookup::FlushFirst) => self.flush().await.map(|()| None),
        }
    }
}
