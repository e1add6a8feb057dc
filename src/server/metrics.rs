//! All metrics as one text, for Prometheus. Components own their counters; gauges are computed at scrape time. A metric
//! whose value cannot be determined is omitted.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use prometheus_client::{
    encoding::text::encode,
    metrics::{
        counter::ConstCounter,
        family::Family,
        gauge::{ConstGauge, Gauge},
    },
    registry::Registry,
};

use super::{process, readiness::ReadinessProbe};
use crate::{
    auth::authenticator::Authenticator,
    feed::Feed,
    graphql,
    http::{self, Tls},
    service::inbound::{metrics::InboundMetrics, quarantine::QuarantineMetrics},
    session,
    store::Store,
};

type Labels = [(&'static str, &'static str); 1];

/// The components with metrics.
#[derive(Clone)]
pub(super) struct ServerMetrics {
    pub(super) graphql: graphql::Metrics,
    pub(super) http: http::Metrics,
    pub(super) events: session::SessionMetrics,
    pub(super) inbound: InboundMetrics,
    pub(super) quarantine: QuarantineMetrics,
    pub(super) store: Store,
    pub(super) feed: Feed,
    pub(super) watch: ReadinessProbe,
    pub(super) tokens: Authenticator,
    /// The TLS certificate, once it is loaded.
    pub(super) certificate: Certificate,
    /// The SQLite file; `None` on PostgreSQL.
    pub(super) file: Option<PathBuf>,
    /// Start time of the process, in milliseconds.
    pub(super) started_at: i64,
}

/// The served certificate.
pub(super) type Certificate = Arc<OnceLock<Tls>>;

impl ServerMetrics {
    /// Returns the current metrics, as `OpenMetrics` text.
    pub(super) async fn encode(&self) -> String {
        let census = self.watch.counts().await;
        let mut registry = Registry::default();
        let own = registry.sub_registry_with_prefix("chatgraph");
        self.graphql.register(own);
        self.http.register(own);
        self.events.register(own);
        self.quarantine.register(own);
        let behind = "Changes that the slowest subscriber is behind the end of the change log";
        if let Some(lag) = self.feed.lag() {
            own.register("subscriber_lag_changes", behind, ConstGauge::new(lag));
        }
        self.inbound.register(own);
        own.register("build_info", "Constant 1, with the version as a label", build_info());
        let up = "1 if the database responds within two seconds, otherwise 0";
        own.register("database_up", up, ConstGauge::new(i64::from(census.is_some())));
        let writable = "1 if the database accepts writes, otherwise 0";
        own.register("database_writable", writable, ConstGauge::new(i64::from(self.watch.accepts_writes())));
        if let Some(path) = &self.file {
            own.register("database_size_bytes", "Size of the SQLite database, by file", sizes(path));
        }
        if let Some(expires_at) = self.certificate.get().and_then(Tls::expires_at) {
            let expiry = "Expiry of the TLS certificate chain, in seconds since the Unix epoch";
            let seconds = ConstGauge::new(expires_at / 1_000);
            own.register("tls_certificate_expiry_timestamp_seconds", expiry, seconds);
        }
        if let Some(age_ms) = self.tokens.login_keys_age_ms() {
            let age = "Age of the JSON Web Key Set that verifies login tokens, in seconds";
            own.register("jwks_age_seconds", age, ConstGauge::new(age_ms / 1_000));
        }
        let committed = self.store.committed_so_far();
        own.register("units_of_work", "Committed units of work", ConstCounter::new(committed.units));
        own.register(
            "commits",
            "Database commits; one can contain several units of work",
            ConstCounter::new(committed.commits),
        );
        let failed = "Transactions that failed to begin, execute or commit";
        own.register("transaction_failures", failed, ConstCounter::new(committed.failed));
        if let Some(census) = census {
            let sessions = Family::<[(&'static str, &'static str); 1], Gauge>::default();
            for (status, count) in &census.sessions {
                let count = i64::try_from(*count).unwrap_or(i64::MAX);
                sessions.get_or_create(&[("status", status.as_str())]).set(count);
            }
            own.register("sessions", "Sessions, by status", sessions);
            let waiting = "Chat settings that are not yet sent to WhatsApp";
            own.register("pending_actions", waiting, ConstGauge::new(census.pending_actions));
            let kept = "Quarantined events";
            own.register("quarantined_events", kept, ConstGauge::new(census.quarantined_events));
        }
        process::register(&mut registry, self.started_at);
        let mut text = String::new();
        encode(&mut text, &registry).expect("writing to a string cannot fail");
        text
    }
}

fn build_info() -> Family<Labels, Gauge> {
    let info = Family::<Labels, Gauge>::default();
    info.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1);
    info
}

fn sizes(path: &Path) -> Family<Labels, Gauge> {
    let sizes = Family::<Labels, Gauge>::default();
    for (file, suffix) in [("main", ""), ("wal", "-wal")] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let bytes = std::fs::metadata(name).map_or(0, |metadata| metadata.len());
        sizes.get_or_create(&[("file", file)]).set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
    sizes
}
