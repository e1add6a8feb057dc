//! What is counted of the events that WhatsApp sends and that reach the stored copy.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Counts events by kind. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct InboundMetrics {
    stored: Family<[(&'static str, &'static str); 1], Counter>,
}

impl InboundMetrics {
    /// Makes the metrics part of what `registry` reports.
    pub fn register(&self, registry: &mut Registry) {
        let stored = "WhatsApp events committed, either applied or quarantined, by kind";
        registry.register("inbound_events", stored, self.stored.clone());
    }

    /// Counts an event whose effect is committed.
    pub(super) fn stored(&self, kind: &'static str) {
        self.stored.get_or_create(&[("kind", kind)]).inc();
    }
}
