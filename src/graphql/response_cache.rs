//! Responses to repeated queries. A client that polls gets the same bytes again, without a read of the database, as long
//! as nothing of its organization has changed.
//!
//! A response is used while three conditions hold: the version of the organization's data is the one before the response
//! was executed, no mute that it shows has ended, and it is younger than [`MAX_AGE_MS`]. The age limits for how long a
//! change by another process can stay unnoticed; every change of this process is noticed by the version.

use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicI64, Ordering},
};

use async_graphql::{
    Positioned, Request,
    parser::types::{DocumentOperations, OperationType, Selection},
};
use sha2::{Digest as _, Sha256};

use super::{engine::PreparedRequest, metrics::Metrics, operation_key::OperationKey};
use crate::{auth::viewer::Viewer, cache::SizedMap};

/// Maximum age of a response, in milliseconds.
const MAX_AGE_MS: i64 = 30_000;
/// The part of the cache that one response may take: an eighth.
const MAX_SHARE: usize = 8;
/// The memory that an entry takes beside its texts, in bytes.
const ENTRY_OVERHEAD: usize = 400;
/// Root fields whose results follow from the data and the time alone, unless a resolver limits the [`Freshness`].
const CACHED_FIELDS: [&str; 5] = ["__typename", "chat", "chats", "session", "sessions"];

/// The time until which a response stays true if no data change, in milliseconds. Resolvers shorten it.
#[derive(Debug, Clone)]
pub(super) struct Freshness(Arc<AtomicI64>);

impl Default for Freshness {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(i64::MAX)))
    }
}

impl Freshness {
    /// The response shows something that ends at this time.
    pub(super) fn ends_at(&self, at: i64) {
        self.0.fetch_min(at, Ordering::Relaxed);
    }

    fn until(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A response without errors, as JSON text. Cheap to clone.
#[derive(Debug, Clone)]
pub struct StoredResponse {
    json: Arc<str>,
    etag: Arc<OnceLock<String>>,
}

impl StoredResponse {
    pub(super) fn new(json: String) -> Self {
        Self { json: json.into(), etag: Arc::default() }
    }

    /// The JSON text.
    #[must_use]
    pub fn json(&self) -> Arc<str> {
        Arc::clone(&self.json)
    }

    /// The entity tag of the text: weak, since the text may be compressed.
    #[must_use]
    pub fn etag(&self) -> &str {
        self.etag.get_or_init(|| {
            let digest: String = Sha256::digest(&*self.json)[..16].iter().map(|byte| format!("{byte:02x}")).collect();
            format!("W/\"{digest}\"")
        })
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
    version: u64,
    until: i64,
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
        let is_current = |entry: &&Entry| entry.version == version && now < entry.until;
        let found = self.entries().get(key).filter(is_current).map(|entry| entry.response.clone());
        self.metrics.cached(found.is_some());
        found
    }

    /// Stores the response to a request that was executed from `began` on, when the data had this version.
    pub(super) fn insert(
        &self,
        key: OperationKey,
        response: StoredResponse,
        version: u64,
        began: i64,
        freshness: &Freshness,
    ) {
        let until = freshness.until().min(began.saturating_add(MAX_AGE_MS));
        let size = response.json.len() + key.len() + ENTRY_OVERHEAD;
        if until <= began || size > self.capacity / MAX_SHARE {
            return;
        }
        let mut entries = self.entries();
        entries.insert(key, Entry { response, version, until }, size);
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
