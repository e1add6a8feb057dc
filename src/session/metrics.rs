//! Metrics of WhatsApp events.

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// Counters of ignored events and of app-state recovery. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct SessionMetrics {
    left_out: Family<[(&'static str, String); 1], Counter>,
    untranslatable: Family<[(&'static str, String); 1], Counter>,
    count_recovery: Family<[(&'static str, &'static str); 1], Counter>,
    restarts: Counter,
    unreadable: Gauge,
}

impl SessionMetrics {
    /// Registers the metrics with `registry`.
    pub fn register(&self, registry: &mut Registry) {
        let left_out = "Ignored WhatsApp events, by kind";
        registry.register("events_ignored", left_out, self.left_out.clone());
        let untranslatable = "Events, history messages and history chats with an unsupported address, by kind of event";
        registry.register("events_untranslatable", untranslatable, self.untranslatable.clone());
        let repairs = "App-state recovery steps, by step";
        registry.register("app_state_recovery_steps", repairs, self.count_recovery.clone());
        let restarts = "Session restarts after a task failed";
        registry.register("session_restarts", restarts, self.restarts.clone());
        let unreadable = "Sessions not started because their row cannot be read";
        registry.register("unreadable_sessions", unreadable, self.unreadable.clone());
    }

    /// Sets the number of sessions that were not started because their row cannot be read.
    pub fn unreadable_sessions(&self, count: u64) {
        self.unreadable.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Number of sessions that were not started because their row cannot be read.
    #[must_use]
    pub fn unreadable(&self) -> u64 {
        self.unreadable.get().unsigned_abs()
    }

    /// Counts a session that was restarted after one of its tasks failed.
    pub(super) fn restarted(&self) {
        self.restarts.inc();
    }

    /// Counts a step of app-state recovery.
    pub(super) fn repairs(&self, step: &'static str) {
        self.count_recovery.get_or_create(&[("step", step)]).inc();
    }

    /// Number of restarted sessions.
    #[cfg(test)]
    pub(super) fn restarts(&self) -> u64 {
        self.restarts.get()
    }

    /// Number of recovery steps of this kind.
    #[cfg(test)]
    pub(super) fn recoveries(&self, step: &'static str) -> u64 {
        self.count_recovery.get_or_create(&[("step", step)]).get()
    }

    /// Counts items with unsupported addresses in events of this kind.
    pub(super) fn untranslatable(&self, kind: &str, count: u64) {
        self.untranslatable.get_or_create(&[("kind", kind.to_owned())]).inc_by(count);
    }

    /// Counts an ignored event of this kind; the number of kinds is bounded by the library.
    pub(super) fn ignored(&self, kind: String) {
        self.left_out.get_or_create(&[("kind", kind)]).inc();
    }
}
