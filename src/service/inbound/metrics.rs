//! Metrics of the WhatsApp events that reach the stored copy.

use prometheus_client::{
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

/// Event counters by kind. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct InboundMetrics {
    stored: Family<[(&'static str, &'static str); 1], Counter>,
}

impl InboundMetrics {
    /// Registers the metrics with `registry`.
    pub fn register(&self, registry: &mut Registry) {
        let stored = "WhatsApp events committed, either applied or quarantined, by kind";
        registry.register("inbound_events", stored, self.stored.clone());
    }

    /// Counts an event whose effect is committed.
    pub(in crate::service) fn stored(&self, kind: &'static str) {
        self.stored.get_or_create(&[("kind", kind)]).inc();
    }
}
