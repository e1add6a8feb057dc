//! The time until which a response can be stored.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

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

    /// The earliest of these times; `i64::MIN` if the response must not be stored.
    pub(super) fn until(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}
