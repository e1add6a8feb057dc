//! Responses to repeated queries. A client that polls gets the same bytes again, without a read of the database, as long
//! as nothing of its organization has changed.
//!
//! A response is used while three conditions hold: the version of the organization's data is still the one from before
//! its execution, no mute that it shows has ended, and it is younger than [`MAX_AGE`]. The version shows every change by
//! this process; the maximum age limits how long a change by another process stays unnoticed.

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use async_graphql::{
    Positioned, Request,
    parser::types::{DocumentOperations, OperationType, Selection},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::{engine::PreparedRequest, freshness::Freshness, metrics::Metrics, operation_key::OperationKey};
use crate::{auth::viewer::Viewer, cache::SizedMap};

/// Maximum age of a response.
const MAX_AGE: Duration = Duration::from_secs(30);
/// Number of responses of the maximum length that the cache can hold. A longer one is not stored.
const MIN_RESPONSES: usize = 8;
/// The memory that an entry takes beside its text, in bytes.
const ENTRY_OVERHEAD: usize = 512;
/// Root fields whose results follow from the data and the time alone, unless a resolver limits the [`Freshness`].
const CACHED_FIELDS: [&str; 5] = ["__typename", "chat", "chats", "session", "sessions"];

/// A response without errors, as JSON text. Cheap to clone.
#[derive(Debug, Clone)]
pub struct StoredResponse {
    json: Arc<str>,
    digest: Arc<OnceLock<String>>,
}

impl StoredResponse {
    pub(super) fn new(json: String) -> Self {
        Self { json: json.into(), digest: Arc::default() }
    }

    /// The JSON text.
    #[must_use]
    pub fn json(&self) -> Arc<str> {
        Arc::clone(&self.json)
    }

    /// Half of the SHA-256 of the text, in Base64.
    #[must_use]
    pub fn digest(&self) -> &str {
        self.digest.get_or_init(|| URL_SAFE_NO_PAD.encode(&Sha256::digest(&*self.json)[..16]))
    }
}

/// The responses, in all at most `capacity` bytes.
pub(super) struct ResponseCache {
    entries: Mutex<SizedMap<OperationKey, Entry>>,
    capacity: usize,
    metrics: Metrics,
}

struct Entry {
    response: StoredResponse,
    /// The version of the data when the execution began, and that time.
    version: u64,
    began: Instant,
    /// The first end of a mute that it shows, in milliseconds.
    until: i64,
}

impl Entry {
    fn is_current(&self, version: u64, now: i64) -> bool {
        self.version == version && now < self.until && self.began.elapsed() < MAX_AGE
    }
}

impl ResponseCache {
    /// Creates an empty cache; one of 0 bytes stores nothing.
    pub(super) fn new(capacity: usize, metrics: Metrics) -> Self {
        Self { entries: Mutex::new(SizedMap::new(capacity)), capacity, metrics }
    }

    /// Returns the key of a compiled request; `None` if its response must not be stored.
    pub(super) fn key(
        &self,
        request: &mut Request,
        viewer: &Viewer,
        prepared: &PreparedRequest,
    ) -> Option<OperationKey> {
        #[cfg(test)]
        if super::rendering::is_by_engine(request) {
            return None;
        }
        if self.capacity == 0 || prepared.kind != OperationType::Query || !has_only_cached_fields(request) {
            return None;
        }
        OperationKey::new(request, viewer, prepared, None)
    }

    /// Returns the stored response for this version of the data.
    pub(super) fn get(&self, key: &OperationKey, version: u64, now: i64) -> Option<StoredResponse> {
        let mut entries = self.entries();
        let found = entries.get(key).filter(|entry| entry.is_current(version, now));
        let found = found.map(|entry| entry.response.clone());
        drop(entries);
        self.metrics.cached(found.is_some());
        found
    }

    /// Stores the response to a request that was executed from `began` on, when the data had this version.
    pub(super) fn insert(
        &self,
        key: OperationKey,
        response: StoredResponse,
        version: u64,
        began: Instant,
        freshness: &Freshness,
    ) {
        let size = response.json.len() + ENTRY_OVERHEAD;
        if size > self.capacity / MIN_RESPONSES {
            return;
        }
        let mut entries = self.entries();
        entries.insert(key, Entry { response, version, began, until: freshness.until() }, size);
        self.metrics.cache_size(entries.size());
    }

    fn entries(&self) -> MutexGuard<'_, SizedMap<OperationKey, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns whether the compiled operation selects only [`CACHED_FIELDS`].
fn has_only_cached_fields(request: &mut Request) -> bool {
    let Ok(document) = request.parsed_query() else { return false };
    let DocumentOperations::Single(operation) = &document.operations else { return false };
    operation.node.selection_set.node.items.iter().all(|selection| match &selection.node {
        Selection::Field(Positioned { node: field, .. }) => CACHED_FIELDS.contains(&field.name.node.as_str()),
        // A compiled document has no fragments at its root.
        Selection::FragmentSpread(_) | Selection::InlineFragment(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_response_is_used_for_one_version_and_at_most_half_a_minute() {
        let response = StoredResponse::new("{}".into());
        let entry = Entry { response, version: 7, began: Instant::now(), until: 2_000 };
        let current = || [(7, 1_999), (7, 2_000), (8, 0)].map(|(version, now)| entry.is_current(version, now));
        assert_eq!(current(), [true, false, false]);
        tokio::time::advance(Duration::from_millis(29_999)).await;
        assert_eq!(current(), [true, false, false]);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(current(), [false; 3]);
    }
}
