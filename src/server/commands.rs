//! Runs a command.

use std::{
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
};

use tracing::{error, info, warn};

use super::{
    api_key,
    build::build,
    check_config, database, demo,
    error::Error,
    event,
    lifecycle::{self, Lifecycle},
    master_key, open_files, organization, output,
    serve::{listen, serve_until_signal},
    service_manager, session as session_command,
    settings::Settings,
    warnings,
};
use crate::{
    cli::{Command, Invocation},
    graphql,
    http::{self, ConnectionConfig, ListenerContext, Metrics, Tls},
    store::{DatabaseLock, MasterKeys, ServerLock},
};

/// Maximum number of connections to the monitoring listener.
const MONITORING_CONNECTIONS: usize = 100;
/// Open files reserved for the monitoring listener.
const SPARE_FILES: usize = 8;

/// Runs the command to its end. A server runs until it receives a signal to stop.
///
/// # Errors
/// [`Error`].
pub async fn run(invocation: Invocation) -> Result<(), Error> {
    for unknown in &invocation.unknown_variables {
        warn!("{unknown}");
    }
    match invocation.cli.command {
        Command::Serve(args) if args.check_config => check_config::check(*args, &invocation.settings),
        Command::Serve(args) => Box::pin(serve(Settings::new(*args)?)).await,
        Command::Demo(args) => demo::demo(args).await,
        Command::Migrate(args) => database::migrate(args).await,
        Command::Backup(args) => database::back_up(args).await,
        Command::Restore(args) => database::restore(args).await,
        Command::Check(args) => database::check(args).await,
        Command::Schema => output::line(graphql::sdl().trim_end()),
        Command::Key(command) => api_key::run(command).await,
        Command::Organization(command) => organization::run(command).await,
        Command::Session(command) => session_command::run(command).await,
        Command::Events(command) => event::run(command).await,
        Command::MasterKey(command) => master_key::run(command).await,
    }
}

async fn serve(settings: Settings) -> Result<(), Error> {
    let lifecycle = Lifecycle::default();
    let open_files = open_files::raise_limit();
    let tls = settings.tls.clone().map(Tls::read).transpose()?;
    warnings::of_settings(&settings, tls.as_ref());
    log_encryption_mode(settings.components.master_keys.as_ref());
    // Before the database is opened: a server that cannot listen must not migrate it.
    let (listener, address) = listen(settings.listen, "listen").await?;
    let watchers = match settings.metrics_listen {
        Some(address) => Some(listen(address, "metrics-listen").await?),
        None => None,
    };
    let database = settings.components.database.clone();
    let _hold = DatabaseLock::take(&database)?;
    let lock = ServerLock::take(&database).await?;
    let parts = build(settings.components, &lifecycle).await?;
    let watching = Lifecycle::default();
    if let Some((listener, address)) = watchers {
        let config = ConnectionConfig {
            connections: MONITORING_CONNECTIONS,
            spare_files: SPARE_FILES,
            ..ConnectionConfig::default()
        };
        let router = http::health_router(&parts.health);
        let listening = ListenerContext { router, config, tls: None, metrics: Metrics::default() };
        let (tasks, stop) = (watching.tasks.clone(), watching.stop.clone());
        watching.tasks.spawn(http::serve(listener, listening, tasks, stop));
        info!(%address, "Serving metrics");
    }
    let sessions = parts.start_sessions().await?;
    let asked = lifecycle::shutdown_signal().map_err(Error::Serve)?;
    // The lock is released last, because writes are possible until then.
    let mut lost = pin!(lock.lost());
    let is_taken_over = AtomicBool::new(false);
    let asked = async {
        tokio::select! {
            () = asked => {}
            () = lost.as_mut() => {
                error!("Another server locked the database; stopping");
                is_taken_over.store(true, Ordering::Relaxed);
            }
        }
    };
    match &tls {
        Some(tls) => {
            lifecycle
                .tasks
                .spawn(lifecycle::reload_certificate(tls.clone(), lifecycle.stop.clone()).map_err(Error::Serve)?);
            lifecycle.tasks.spawn(warnings::watch_certificate(tls.clone(), lifecycle.stop.clone()));
        }
        None => {
            lifecycle.tasks.spawn(lifecycle::ignore_hangups(lifecycle.stop.clone()).map_err(Error::Serve)?);
        }
    }
    let mut connections = settings.connections;
    let others = MONITORING_CONNECTIONS + sessions + open_files::of_database(&database);
    open_files::limit_connections(&mut connections, open_files, others);
    lifecycle.tasks.spawn(lifecycle::ignore_user_signals(lifecycle.stop.clone()).map_err(Error::Serve)?);
    info!(%address, database = %database, sessions, "Serving");
    watching.tasks.spawn(service_manager::while_serving(lifecycle.drain.clone(), watching.stop.clone()));
    let listening = parts.listening(connections, tls);
    let served = serve_until_signal(listener, listening, &lifecycle, asked).await;
    let store = parts.store.clone();
    // Drops the components, so that they submit no more units of work and the commit queues end.
    drop(parts);
    lifecycle.shut_down().await;
    lifecycle::close(&store, &database).await;
    // The monitoring listener stops last, so that it reports `draining` until the end.
    watching.shut_down().await;
    info!("Stopped");
    if is_taken_over.load(Ordering::Relaxed) { Err(Error::TakenOver) } else { served }
}

/// Warns if secrets are stored unencrypted, unless the operator requested it.
fn log_encryption_mode(keys: Option<&MasterKeys>) {
    match keys.map(MasterKeys::encryption_key) {
        None => {
            warn!(
                "No master key is set: the sessions' keys are stored unencrypted in the database (--master-key-file)"
            );
        }
        Some(None) => info!("The sessions' keys are stored unencrypted, as configured"),
        Some(Some(key)) => info!(master_key = %key, "The sessions' keys are encrypted"),
    }
}
