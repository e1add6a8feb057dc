//! The figures of all parts in one text, for Prometheus. Each part counts for itself; what has to be asked for is asked
//! when somebody wants to know. A figure that could not be had is missing, never made up.

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::feed::Feed;
use crate::graphql;
use crate::http;
use crate::service::quarantine::QuarantineMetrics;
use crate::session;
use crate::store::Store;

use super::watch::Watch;
use super::watch::word;

/// The parts that have figures.
#[derive(Clone)]
pub(super) struct Figures {
    pub(super) graphql: graphql::Metrics,
    pub(super) http: http::Metrics,
    pub(super) events: session::Events,
    pub(super) quarantine: QuarantineMetrics,
    pub(super) store: Store,
    pub(super) feed: Feed,
    pub(super) watch: Watch,
}

impl Figures {
    /// All figures as they are now, as `OpenMetrics` text.
    pub(super) async fn text(&self) -> String {
        let census = self.watch.census().await;
        let mut registry = Registry::default();
        let own = registry.sub_registry_with_prefix("chatgraph");
        self.graphql.register(own);
        self.http.register(own);
        self.events.register(own);
        self.quarantine.register(own);
        let behind = "Changes that the last of the subscribers is behind the change log";
        if let Some(lag) = self.feed.lag() {
            own.register("subscriber_lag_changes", behind, ConstGauge::new(lag));
        }
        let committed = self.store.committed_so_far();
        own.register("journal_units", "Units of work that were committed", ConstCounter::new(committed.units));
        own.register("journal_commits", "Commits that they took", ConstCounter::new(committed.commits));
        let failed = "Transactions that could not be begun, carried out or committed";
        own.register("journal_failures", failed, ConstCounter::new(committed.failed));
        if let Some(census) = census {
            let sessions = Family::<[(&'static str, &'static str); 1], Gauge>::default();
            for (status, count) in &census.sessions {
                let count = i64::try_from(*count).unwrap_or(i64::MAX);
                sessions.get_or_create(&[("status", word(*status))]).set(count);
            }
            own.register("sessions", "Sessions by how they stand", sessions);
            let waiting = "Settings of chats that WhatsApp still has to be told";
            own.register("pending_actions", waiting, ConstGauge::new(census.pending_actions));
            let kept = "Events in quarantine";
            own.register("quarantined_events", kept, ConstGauge::new(census.quarantined_events));
        }
        if let Some(bytes) = resident_bytes() {
            let resident = "Memory of the process that is in use";
            registry.register("process_resident_memory_bytes", resident, ConstGauge::new(bytes));
        }
        let mut text = String::new();
        encode(&mut text, &registry).expect("text takes all that is written to it");
        text
    }
}

/// Told on Linux alone.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib * 1024)
}
