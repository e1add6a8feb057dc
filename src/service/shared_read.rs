//! One read for all who want to know the same at the same time.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::Weak;

use tokio::time::Instant;

use crate::domain::id::OrganizationId;
use crate::domain::session::Session;
use crate::store::error::StoreError;

/// The reads of all organizations that somebody listens to. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct SharedReads(Arc<Mutex<HashMap<OrganizationId, Weak<SharedRead>>>>);

/// The sessions of one organization, as they were read last, and when that read began.
#[derive(Default)]
pub(super) struct SharedRead(tokio::sync::Mutex<Option<(Instant, Arc<[Session]>)>>);

impl SharedReads {
    /// The organization's read, which it shares with all who have it at the time.
    pub(super) fn of(&self, organization: &OrganizationId) -> Arc<SharedRead> {
        let mut reads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reads.retain(|_, read| read.strong_count() > 0);
        if let Some(read) = reads.get(organization).and_then(Weak::upgrade) {
            return read;
        }
        let read = Arc::default();
        reads.insert(organization.clone(), Arc::downgrade(&read));
        read
    }
}

impl SharedRead {
    /// The sessions as a read found them that began at `since` or later: an earlier caller's, or `read`. Cancel-safe.
    ///
    /// # Errors
    /// Those of `read`.
    pub(super) async fn sessions(
        &self,
        since: Instant,
        read: impl Future<Output = Result<Vec<Session>, StoreError>>,
    ) -> Result<Arc<[Session]>, StoreError> {
        let mut last = self.0.lock().await;
        if let Some((_, sessions)) = last.as_ref().filter(|(began, _)| *began >= since) {
            return Ok(Arc::clone(sessions));
        }
        let began = Instant::now();
        let sessions: Arc<[Session]> = read.await?.into();
        *last = Some((began, Arc::clone(&sessions)));
        Ok(sessions)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn all_who_ask_at_the_same_time_share_one_read() {
        let (reads, count) = (SharedReads::default(), Cell::new(0));
        let organization: OrganizationId = "org_1".parse().expect("an id");
        let listeners: Vec<_> = (0..100).map(|_| reads.of(&organization)).collect();
        let ask = async |since| {
            let read = async || {
                count.set(count.get() + 1);
                tokio::time::sleep(Duration::from_millis(5)).await;
                Ok(Vec::new())
            };
            join_all(listeners.iter().map(|listener| listener.sessions(since, read()))).await
        };
        let first = Instant::now();
        ask(first).await;
        ask(first).await;
        assert_eq!(count.get(), 1);
        // What is stored after a read began is not in it.
        tokio::time::advance(Duration::from_millis(1)).await;
        ask(Instant::now()).await;
        assert_eq!(count.get(), 2);
        assert!(!Arc::ptr_eq(&listeners[0], &reads.of(&"org_2".parse().expect("an id"))));
    }
}
