//! Builds the components, each with its own config, and starts the background tasks.

use std::sync::Arc;

use axum::Router;

use super::{
    configs::Configs,
    lifecycle::Lifecycle,
    metrics::{Certificate, ServerMetrics},
    readiness::ReadinessProbe,
};
use crate::{
    auth::{authenticator::Authenticator, jwt::JwtVerifier},
    clock::SystemClock,
    domain::clock::Clock,
    feed::{self, Feed},
    graphql::{self, GraphqlExecutor},
    http::{self, ConnectionConfig, Health, ListenerContext, Tls},
    service::{
        api_key::ApiKeys,
        background::{mute_expiry::MuteExpirer, purge::Purger, retention::Retention},
        call::{Calls, broadcast::CallBroadcast},
        chat::{self, Chats},
        inbound::{InboundWorker, Notifiers, quarantine_retry},
        session::{Sessions, broadcast::SessionBroadcast},
    },
    session::{EventSenderFactory, SessionKey, registry::Registry},
    store::{self, OpenError, Store, error::StoreError},
};

/// The components, ready to serve.
pub(super) struct Application {
    pub(super) store: Store,
    pub(super) sessions: Sessions,
    pub(super) registry: Registry,
    pub(super) tokens: Authenticator,
    pub(super) keys: ApiKeys,
    pub(super) health: Health,
    router: Router,
    metrics: http::Metrics,
    certificate: Certificate,
}

/// Opens the database and builds all components.
pub(super) async fn build(configs: Configs, lifecycle: &Lifecycle) -> Result<Application, OpenError> {
    let (tasks, stop) = (&lifecycle.tasks, &lifecycle.stop);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store =
        Store::open_sealed(&configs.database, &configs.master_keys.unwrap_or_default(), Arc::clone(&clock), tasks)
            .await?;
    let feed = Feed::start(store.clone(), feed::Config::default(), tasks, stop.clone());
    let retention = Retention::new(store.clone(), Arc::clone(&clock), configs.retention);
    tasks.spawn(retention.run(stop.clone()));
    let session_broadcast = SessionBroadcast::default();
    let purger = Purger::start(store.clone(), Arc::clone(&clock), tasks, stop.clone());
    let mutes = MuteExpirer::start(store.clone(), Arc::clone(&clock), tasks, stop.clone());
    let calling = CallBroadcast::default();
    let notifiers = Notifiers {
        sessions: session_broadcast.clone(),
        purger: purger.clone(),
        mutes: mutes.clone(),
        calls: calling.clone(),
    };
    let inbox = InboundWorker::new(store.clone(), notifiers, Arc::clone(&clock), tasks.clone(), stop.clone());
    let (quarantine, inbound) = (inbox.quarantine_metrics().clone(), inbox.metrics().clone());
    quarantine_retry::start(store.clone(), inbox.clone(), tasks, stop.clone());
    let open_queue: EventSenderFactory = Arc::new(move |key| inbox.open(key));
    let registry =
        Registry::new(store.clone(), Arc::clone(&clock), configs.session, open_queue, tasks.clone(), stop.clone());
    let chats = Chats::new(
        store.clone(),
        feed.clone(),
        registry.clone(),
        purger.clone(),
        mutes,
        Arc::clone(&clock),
        chat::Config::default(),
    );
    let sessions = Sessions::new(
        store.clone(),
        registry.clone(),
        session_broadcast,
        purger,
        Arc::clone(&clock),
        tasks.clone(),
        stop.clone(),
    )
    .with_limit(configs.limits.sessions);
    let calls = Calls::new(store.clone(), registry.clone(), calling, Arc::clone(&clock));
    let logins = configs.logins.map(|config| JwtVerifier::new(config, Arc::clone(&clock), tasks.clone()));
    let tokens = Authenticator::new(store.clone(), logins, Arc::clone(&clock)).with_config(configs.auth);
    tasks.spawn(tokens.clone().store_key_usage(stop.clone()));
    let keys = ApiKeys::new(store.clone(), tokens.clone(), Arc::clone(&clock)).with_limit(configs.limits.api_keys);
    let api = GraphqlExecutor::new(
        graphql::GraphqlServices { chats, sessions: sessions.clone(), calls, keys: keys.clone() },
        &configs.api,
        tasks.clone(),
    );
    let metrics = http::Metrics::default();
    let watch = ReadinessProbe::new(store.clone(), registry.metrics().clone(), tasks.clone(), lifecycle.drain.clone());
    tasks.spawn(watch.clone().check_writes(stop.clone()));
    let (graphql, http) = (api.metrics().clone(), metrics.clone());
    let certificate = Certificate::default();
    let health = health(ServerMetrics {
        graphql,
        http,
        events: registry.metrics().clone(),
        quarantine,
        store: store.clone(),
        feed,
        watch,
        inbound,
        tokens: tokens.clone(),
        certificate: Arc::clone(&certificate),
        file: match &configs.database {
            store::Config::Sqlite(path) => Some(path.clone()),
            store::Config::Postgres(_) => None,
        },
        started_at: clock.now(),
    });
    let door = http::HttpServices {
        api,
        tokens: tokens.clone(),
        tasks: lifecycle.callers.clone(),
        drain: lifecycle.drain.clone(),
        health: health.clone(),
        metrics: metrics.clone(),
    };
    let router = http::router(door, configs.http);
    Ok(Application { store, sessions, registry, tokens, keys, health, router, metrics, certificate })
}

fn health(figures: ServerMetrics) -> Health {
    let watch = figures.watch.clone();
    Health {
        ready: Arc::new(move || {
            let watch = watch.clone();
            Box::pin(async move { watch.readiness().await })
        }),
        metrics_route: Arc::new(move || {
            let figures = figures.clone();
            Box::pin(async move { figures.encode().await })
        }),
    }
}

impl Application {
    /// Returns the configuration of a listener for the API.
    pub(super) fn listening(&self, config: ConnectionConfig, tls: Option<Tls>) -> ListenerContext {
        if let Some(tls) = &tls {
            // Set once, because only one listener has a certificate.
            let _ = self.certificate.set(tls.clone());
        }
        ListenerContext { router: self.router.clone(), config, tls, metrics: self.metrics.clone() }
    }

    /// Starts the sessions that were running when the previous process ended, and returns their number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn start_sessions(&self) -> Result<usize, StoreError> {
        let wanted = self.store.wanted_sessions().await?;
        self.registry.metrics().unreadable_sessions(wanted.unreadable);
        let count = wanted.sessions.len();
        for session in wanted.sessions {
            self.registry.start(SessionKey { organization: session.organization, session: session.id });
        }
        Ok(count)
    }
}
