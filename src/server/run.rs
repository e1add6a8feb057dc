//! Carries out a command.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::net::TcpListener;
use tracing::error;
use tracing::info;
use tracing::warn;

use crate::auth::import::Unfit;
use crate::cli::Command;
use crate::cli::Invocation;
use crate::config;
use crate::domain::id::EventId;
use crate::domain::id::KeyId;
use crate::domain::id::OrganizationId;
use crate::graphql;
use crate::http;
use crate::http::Connections;
use crate::http::Listening;
use crate::http::Metrics;
use crate::http::Tls;
use crate::session;
use crate::session::Endpoint;
use crate::store::Hold;
use crate::store::MasterKeys;
use crate::store::OpenError;
use crate::store::ServerLock;
use crate::store::error::StoreError;

use super::check_config;
use super::database;
use super::demo;
use super::event;
use super::key;
use super::lifecycle;
use super::lifecycle::Lifecycle;
use super::master_key;
use super::notify;
use super::open_files;
use super::organization;
use super::output;
use super::session as session_command;
use super::warnings;
use super::wire::Configs;
use super::wire::wire;

/// The exit code if the command line or a setting is wrong; 0 is success, 1 any other failure.
pub const USAGE: u8 = 2;
/// Connections at once of those who watch the server.
const WATCHERS: usize = 100;
/// Open files that are kept for them.
const SPARE_FILES: usize = 8;

/// Why a command failed, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A flag's value makes no sense.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address} (--{flag})")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// The flag that names it.
        flag: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The certificate cannot be served.
    #[error(transparent)]
    Tls(#[from] http::TlsError),
    /// Serving ended by itself.
    #[error("the server failed")]
    Serve(#[source] std::io::Error),
    /// The token to import cannot be read.
    #[error("cannot read the token from {from}")]
    TokenFile {
        /// The file, or standard input.
        from: String,
        /// The reason.
        #[source]
        source: std::io::Error,
    },
    /// The token to import cannot be a key.
    #[error(transparent)]
    Token(#[from] Unfit),
    /// The token to import is a key already, of whichever organization.
    #[error("the token is an api-key already")]
    TokenTaken,
    /// The key to revoke is not there.
    #[error("organization {organization} has no api-key {id}")]
    NoSuchKey {
        /// Which key.
        id: KeyId,
        /// Whose.
        organization: OrganizationId,
    },
    /// The event is not there.
    #[error("no event {0} is in quarantine")]
    NoSuchEvent(EventId),
    /// The organization is not there.
    #[error("there is no organization {0}")]
    NoSuchOrganization(OrganizationId),
    /// Another server has the database now.
    #[error("another chatgraph server took the database over while the connection to it was lost")]
    TakenOver,
    /// Some secrets could not be sealed anew.
    #[error(
        "some secrets do not open: they were changed behind the server's back; restore a back-up, or log their sessions out"
    )]
    Unopened,
    /// The output cannot be written.
    #[error("cannot write the output")]
    Output(#[source] std::io::Error),
    /// The check found problems.
    #[error("the database is not sound")]
    Unsound,
    /// What loses data is only done for an operator who confirms it.
    #[error("this loses data: confirm it on a terminal, or with --yes")]
    Unconfirmed,
    /// The question was not answered with yes.
    #[error("nothing was changed")]
    Declined,
    /// The answer cannot be read.
    #[error("cannot read the answer")]
    Answer(#[source] std::io::Error),
    /// The demo could not be set up.
    #[error("the demo failed: {0}")]
    Demo(String),
}

impl Error {
    /// The exit code: [`USAGE`] if the command was given wrongly, 1 if it failed.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Tls(_) | Self::Unconfirmed => USAGE,
            _ => 1,
        }
    }
}

/// Carries out the command to its end: for a server, until it is asked to stop.
///
/// # Errors
/// [`Error`].
pub async fn run(invocation: Invocation) -> Result<(), Error> {
    for unknown in &invocation.unknown_variables {
        warn!("{unknown}");
    }
    match invocation.cli.command {
        Command::Serve(args) if args.check_config => check_config::check(*args, &invocation.settings),
        Command::Serve(args) => Box::pin(serve((*args).try_into()?)).await,
        Command::Demo(args) => demo::demo(args.try_into()?).await,
        Command::Migrate(args) => database::migrate(args.try_into()?).await,
        Command::Backup(args) => database::back_up(args.try_into()?).await,
        Command::Restore(args) => database::restore(args.try_into()?).await,
        Command::Check(args) => database::check(args.try_into()?).await,
        Command::Schema => output::line(graphql::sdl().trim_end()),
        Command::Key(command) => key::carry_out(command).await,
        Command::Organization(command) => organization::carry_out(command).await,
        Command::Session(command) => session_command::carry_out(command).await,
        Command::Events(command) => event::carry_out(command).await,
        Command::MasterKey(command) => master_key::carry_out(command).await,
    }
}

async fn serve(config: config::Serve) -> Result<(), Error> {
    let lifecycle = Lifecycle::default();
    let open_files = open_files::raise_limit();
    let tls = config.tls.clone().map(Tls::read).transpose()?;
    warnings::of_settings(&config, tls.as_ref());
    tell_how_secrets_are_kept(config.master_keys.as_ref());
    // Before the database is touched: a server that cannot listen changes no tables.
    let (listener, address) = listen(config.listen, "listen").await?;
    let watchers = match config.watching {
        Some(address) => Some(listen(address, "metrics-listen").await?),
        None => None,
    };
    let (database, master_keys) = (config.database, config.master_keys.unwrap_or_default());
    let _hold = Hold::take(&database)?;
    let lock = ServerLock::take(&database).await?;
    let endpoint = endpoint(config.sandbox);
    let session = session::Config { history: config.history, ..session::Config::new(endpoint) };
    let (retention, api, limits, http) = (config.retention, config.api, config.limits, config.http);
    let (logins, failed_tokens) = (config.logins, config.failed_tokens);
    let configs =
        Configs { store: database.clone(), master_keys, session, retention, api, limits, http, logins, failed_tokens };
    let parts = wire(configs, &lifecycle).await?;
    let watching = Lifecycle::default();
    if let Some((listener, address)) = watchers {
        let config = Connections { connections: WATCHERS, spare_files: SPARE_FILES, ..Connections::default() };
        let router = http::health_router(&parts.health);
        let listening = Listening { router, config, tls: None, metrics: Metrics::default() };
        let (tasks, stop) = (watching.tasks.clone(), watching.stop.clone());
        watching.tasks.spawn(http::serve(listener, listening, tasks, stop));
        info!(%address, "Telling figures");
    }
    let sessions = parts.start_sessions().await?;
    let asked = lifecycle::asked_to_stop().map_err(Error::Serve)?;
    // Released last of all: until then something may still be written.
    let mut lost = pin!(lock.lost());
    let is_taken_over = AtomicBool::new(false);
    let asked = async {
        tokio::select! {
            () = asked => {}
            () = lost.as_mut() => {
                error!("Another server took the database over; this one stops");
                is_taken_over.store(true, Ordering::Relaxed);
            }
        }
    };
    match &tls {
        Some(tls) => {
            lifecycle.tasks.spawn(lifecycle::renew(tls.clone(), lifecycle.stop.clone()).map_err(Error::Serve)?);
            lifecycle.tasks.spawn(warnings::watch_certificate(tls.clone(), lifecycle.stop.clone()));
        }
        None => {
            lifecycle.tasks.spawn(lifecycle::ignore_hangups(lifecycle.stop.clone()).map_err(Error::Serve)?);
        }
    }
    let mut connections = config.connections;
    let others = WATCHERS + sessions + open_files::of_database(&database);
    open_files::limit_connections(&mut connections, open_files, others);
    lifecycle.tasks.spawn(lifecycle::ignore_user_signals(lifecycle.stop.clone()).map_err(Error::Serve)?);
    info!(%address, database = %database, sessions, "Serving");
    watching.tasks.spawn(notify::while_serving(lifecycle.drain.clone(), watching.stop.clone()));
    let listening = parts.listening(connections, tls);
    let served = serve_until_asked(listener, listening, &lifecycle, asked).await;
    let store = parts.store.clone();
    // The journal ends when nobody can write any more.
    drop(parts);
    lifecycle.shut_down().await;
    lifecycle::close(&store, &database).await;
    // Last of all: whoever watches is told till the end that the server stops.
    watching.shut_down().await;
    info!("Stopped");
    if is_taken_over.load(Ordering::Relaxed) { Err(Error::TakenOver) } else { served }
}

/// Warns of secrets in plain, unless the operator asked for that.
fn tell_how_secrets_are_kept(keys: Option<&MasterKeys>) {
    match keys.map(MasterKeys::seals_with) {
        None => warn!("Without a master key the database holds the sessions' keys in plain (--master-key-file)"),
        Some(None) => info!("As the master keys say, the sessions' keys are stored in plain"),
        Some(Some(key)) => info!(master_key = %key, "The sessions' keys are sealed"),
    }
}

/// Opens the port, and tells which one it is.
pub(super) async fn listen(address: SocketAddr, flag: &'static str) -> Result<(TcpListener, SocketAddr), Error> {
    let failed = |source| Error::Listen { address, flag, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// Serves until `asked` ends; open connections end in the shut-down that follows.
pub(super) async fn serve_until_asked(
    listener: TcpListener,
    listening: Listening,
    lifecycle: &Lifecycle,
    asked: impl Future<Output = ()>,
) -> Result<(), Error> {
    let (callers, drain) = (lifecycle.callers.clone(), lifecycle.drain.clone());
    let mut serving = lifecycle.callers.spawn(http::serve(listener, listening, callers, drain));
    tokio::select! {
        ended = &mut serving => ended.map_err(|died| Error::Serve(died.into())),
        () = asked => Ok(()),
    }
}

/// Where sessions connect: to WhatsApp, or to a sandbox on this machine.
pub(super) fn endpoint(sandbox: Option<config::Sandbox>) -> Endpoint {
    match sandbox {
        None => Endpoint::WhatsApp,
        Some(config::Sandbox { url, key }) => {
            let key = URL_SAFE_NO_PAD.decode(key).ok().and_then(|key| key.try_into().ok());
            Endpoint::Sandbox { url, key: key.expect("config checks that the key has 32 bytes") }
        }
    }
}
