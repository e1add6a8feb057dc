//! Validated configuration, built from the command line. Each component has its own small config; an error names the
//! flag.

mod api_key;
mod login;
mod master_key;
mod pages;

use std::fmt;
use std::fs;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use axum::http::Uri;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::auth::jwt as logins;
use crate::cli::BackupArgs;
use crate::cli::CheckArgs;
use crate::cli::ConnectionArgs;
use crate::cli::DatabaseArgs;
use crate::cli::DemoArgs;
use crate::cli::HistoryDepth;
use crate::cli::LimitArgs;
use crate::cli::LogArgs;
use crate::cli::MigrateArgs;
use crate::cli::Migration;
use crate::cli::RestoreArgs;
use crate::cli::ServeArgs;
use crate::domain::clock::DAY_MS;
use crate::domain::rate_limit::Rate;
use crate::graphql;
use crate::graphql::Limits;
use crate::graphql::TrustedDocuments;
use crate::http;
use crate::http::ConnectionConfig;
use crate::http::Invitations;
use crate::http::Network;
use crate::service;
use crate::service::background::retention;
use crate::session::config::History;
use crate::store::MasterKeys;
use crate::store::UrlError;
use crate::telemetry;

pub use api_key::KeyImport;
pub use api_key::KeyList;
pub use api_key::KeyRevoke;
pub use api_key::KeyRotate;
pub use api_key::NewKey;
pub use master_key::MasterKeyForget;
pub use master_key::MasterKeyRotate;
pub use pages::Pages;

/// The location of the database.
pub use crate::store::Config as Database;

/// An invalid value of a flag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("--{flag}: {message}")]
pub struct Error {
    /// The flag, without its dashes.
    pub flag: &'static str,
    /// The reason, or the expected value.
    pub message: String,
}

impl Error {
    fn new(flag: &'static str, message: impl Into<String>) -> Self {
        Self { flag, message: message.into() }
    }
}

/// A sandbox that replaces WhatsApp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sandbox {
    /// `http://HOST:PORT`, always a loopback address.
    pub url: String,
    /// Its public key, unpadded base64url of 32 bytes.
    pub key: String,
}

/// Configuration of `serve`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serve {
    /// Listen address.
    pub listen: SocketAddr,
    /// The database.
    pub database: Database,
    /// Master keys that encrypt the sessions' secrets; `None` if no key option is set.
    pub master_keys: Option<MasterKeys>,
    /// The sandbox to connect to instead of WhatsApp, if any.
    pub sandbox: Option<Sandbox>,
    /// Amount of history that a newly paired account imports.
    pub history: History,
    /// HTTP settings.
    pub http: http::Config,
    /// Connection limits and timeouts.
    pub connections: ConnectionConfig,
    /// Certificate and key for TLS; `None` for plain HTTP.
    pub tls: Option<http::CertificateFiles>,
    /// Invalid tokens allowed per address and minute; `None` for no limit.
    pub failed_tokens: Option<u32>,
    /// Retention of changes and messages.
    pub retention: retention::Config,
    /// Verification of login tokens; `None` if only API keys are accepted.
    pub logins: Option<logins::Config>,
    /// Request limits.
    pub api: graphql::Config,
    /// Limits per organization.
    pub limits: service::Limits,
    /// Listen address for metrics and health checks, in addition to the API listener.
    pub watching: Option<SocketAddr>,
}

/// Configuration of `demo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demo {
    /// Listen address.
    pub listen: SocketAddr,
    /// Data folder; a temporary folder if `None`.
    pub data: Option<PathBuf>,
    /// Prints one JSON object instead of text, for scripts.
    pub json: bool,
    /// Simulates activity on the phone.
    pub activity: bool,
    /// Cross-origin settings.
    pub pages: Pages,
}

/// Configuration of `migrate`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrate {
    /// The migration to run.
    pub migration: Migration,
    /// True if the operator has already confirmed it.
    pub confirmed: bool,
    /// The database.
    pub database: Database,
}

/// Configuration of `backup`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// The SQLite file to copy.
    pub database: PathBuf,
    /// The backup file to create.
    pub file: PathBuf,
}

/// Configuration of `restore`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restore {
    /// The SQLite file to replace.
    pub database: PathBuf,
    /// The backup file.
    pub file: PathBuf,
    /// Replaces an existing database.
    pub overwrite: bool,
}

/// Configuration of `check`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The database.
    pub database: Database,
    /// Prints the result as one line of JSON.
    pub json: bool,
}

impl From<LogArgs> for telemetry::Config {
    fn from(args: LogArgs) -> Self {
        let traces = args.otlp_endpoint.map(|endpoint| telemetry::Traces { endpoint });
        Self { format: args.log_format, filter: args.log_filter, traces }
    }
}

impl TryFrom<ServeArgs> for Serve {
    type Error = Error;

    fn try_from(mut args: ServeArgs) -> Result<Self, Error> {
        let pages = Pages::new(&args.pages, false)?;
        let trusted_proxies = networks(&args.connections.trusted_proxies)?;
        Ok(Self {
            listen: args.listen,
            database: args.database.try_into()?,
            master_keys: master_key::master_keys(args.master_keys)?,
            sandbox: sandbox(args.sandbox_url, args.sandbox_key)?,
            history: History { full: args.keeping.history == HistoryDepth::Full, days: args.keeping.history_days },
            http: http::Config {
                origins: pages.origins,
                cors_headers: pages.headers,
                graphiql: args.graphiql.then_some(Invitations::Ask),
                figures: args.watching.metrics,
                trusted_proxies: trusted_proxies.clone(),
                body_timeout: Duration::from_secs(args.connections.body_timeout_seconds.into()),
                ..http::Config::default()
            },
            tls: tls(args.connections.tls_certificate.take(), args.connections.tls_key.take())?,
            failed_tokens: Some(args.connections.max_failed_tokens_per_minute).filter(|most| *most > 0),
            connections: ConnectionConfig { trusted_proxies, ..args.connections.into() },
            retention: retention::Config {
                changes_ms: i64::from(args.keeping.keep_changes_days) * DAY_MS,
                messages: args.keeping.keep_messages,
            },
            logins: login::logins(args.login)?,
            limits: service::Limits {
                sessions: args.limits.max_sessions_per_organization.into(),
                api_keys: args.limits.max_api_keys_per_organization.into(),
            },
            api: args.limits.try_into()?,
            watching: args.watching.metrics_listen,
        })
    }
}

impl From<ConnectionArgs> for ConnectionConfig {
    fn from(args: ConnectionArgs) -> Self {
        let count = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        Self {
            connections: count(args.max_connections),
            connections_per_address: count(args.max_connections_per_address),
            anonymous_per_address: count(args.max_anonymous_connections_per_address),
            head_timeout: Duration::from_secs(args.head_timeout_seconds.into()),
            idle_timeout: Duration::from_secs(args.idle_timeout_seconds.into()),
            ..Self::default()
        }
    }
}

impl TryFrom<LimitArgs> for graphql::Config {
    type Error = Error;

    fn try_from(args: LimitArgs) -> Result<Self, Error> {
        let LimitArgs { max_tokens, max_depth, max_fields, max_aliases, max_cost, .. } = args;
        let (per_minute, burst) = (args.rate_limit_cost_per_minute, args.rate_limit_burst);
        let rate = (per_minute > 0).then_some(Rate { per_minute, burst });
        let all = Rate { per_minute, burst }.times(graphql::ORGANIZATION_FACTOR);
        let all = Rate {
            per_minute: args.organization_rate_limit_cost_per_minute.unwrap_or(all.per_minute),
            burst: args.organization_rate_limit_burst.unwrap_or(all.burst),
        };
        let organization_rate = (all.per_minute > 0).then_some(all);
        let count = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        let limits = Limits {
            tokens: usize::try_from(max_tokens).unwrap_or(usize::MAX),
            depth: max_depth,
            selections: max_fields,
            aliases: max_aliases,
            cost: max_cost,
            ..Self::default().limits
        };
        let file = args.trusted_documents;
        let trusted = file.as_deref().map(trusted).transpose()?;
        let config = Self {
            limits,
            introspection: !args.no_introspection,
            trusted,
            rate,
            organization_rate,
            max_sockets: count(args.max_sockets_per_organization),
            max_subscriptions: count(args.max_subscriptions_per_organization),
        };
        if let Some((file, invalid)) = file.zip(graphql::first_invalid(&config)) {
            return Err(Error::new("trusted-documents", format!("{}: {invalid}", file.display())));
        }
        Ok(config)
    }
}

fn trusted(file: &Path) -> Result<TrustedDocuments, Error> {
    let wrong = |cause: &dyn fmt::Display| Error::new("trusted-documents", format!("{}: {cause}", file.display()));
    let text = fs::read_to_string(file).map_err(|cause| wrong(&cause))?;
    let documents = serde_json::from_str(&text).map_err(|cause| wrong(&cause))?;
    Ok(TrustedDocuments::new(documents))
}

impl TryFrom<DemoArgs> for Demo {
    type Error = Error;

    fn try_from(args: DemoArgs) -> Result<Self, Error> {
        let pages = Pages::new(&args.pages, true)?;
        Ok(Self { listen: args.listen, data: args.data, json: args.json, activity: !args.quiet, pages })
    }
}

impl TryFrom<MigrateArgs> for Migrate {
    type Error = Error;

    fn try_from(args: MigrateArgs) -> Result<Self, Error> {
        Ok(Self { migration: args.direction, confirmed: args.yes, database: args.database.try_into()? })
    }
}

impl TryFrom<BackupArgs> for Backup {
    type Error = Error;

    fn try_from(args: BackupArgs) -> Result<Self, Error> {
        match args.database.try_into()? {
            Database::Sqlite(database) => Ok(Self { database, file: args.file }),
            Database::Postgres(_) => Err(Error::new("database", "is a PostgreSQL database: back it up with pg_dump")),
        }
    }
}

impl TryFrom<RestoreArgs> for Restore {
    type Error = Error;

    fn try_from(args: RestoreArgs) -> Result<Self, Error> {
        match args.database.try_into()? {
            Database::Sqlite(database) => Ok(Self { database, file: args.file, overwrite: args.overwrite }),
            Database::Postgres(_) => Err(Error::new(
                "database",
                "is a PostgreSQL database: restore it with pg_restore, then run `chatgraph migrate restored`",
            )),
        }
    }
}

impl TryFrom<CheckArgs> for Check {
    type Error = Error;

    fn try_from(args: CheckArgs) -> Result<Self, Error> {
        Ok(Self { json: args.json, database: args.database.try_into()? })
    }
}

impl TryFrom<DatabaseArgs> for Database {
    type Error = Error;

    fn try_from(args: DatabaseArgs) -> Result<Self, Error> {
        let mut database =
            args.database.parse().map_err(|error: UrlError| Error::new("database", error.to_string()))?;
        if let Self::Postgres(server) = &mut database {
            server.readers = args.database_readers;
            server.writers = args.database_writers;
        }
        Ok(database)
    }
}

/// A sandbox has no authentication, so it must be on this machine.
fn sandbox(url: Option<String>, key: Option<String>) -> Result<Option<Sandbox>, Error> {
    let (url, key) = match (url, key) {
        (None, None) => return Ok(None),
        (Some(_), None) => return Err(Error::new("sandbox-key", "is required with --sandbox-url")),
        (None, Some(_)) => return Err(Error::new("sandbox-url", "is required with --sandbox-key")),
        (Some(url), Some(key)) => (url, key),
    };
    let wrong = || Error::new("sandbox-url", "expected http://127.0.0.1:PORT, or another loopback host");
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    let host = uri.host().ok_or_else(wrong)?.trim_matches(['[', ']']);
    let loopback = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    if uri.scheme_str() != Some("http") || !loopback || uri.path() != "/" || uri.query().is_some() {
        return Err(wrong());
    }
    if URL_SAFE_NO_PAD.decode(&key).ok().is_none_or(|bytes| bytes.len() != 32) {
        return Err(Error::new("sandbox-key", "expected the 43 characters that the sandbox prints"));
    }
    Ok(Some(Sandbox { url: url.trim_end_matches('/').to_owned(), key }))
}

fn tls(certificate: Option<PathBuf>, key: Option<PathBuf>) -> Result<Option<http::CertificateFiles>, Error> {
    match (certificate, key) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => Ok(Some(http::CertificateFiles { certificate, key })),
        (Some(_), None) => Err(Error::new("tls-key", "is required with --tls-certificate")),
        (None, Some(_)) => Err(Error::new("tls-certificate", "is required with --tls-key")),
    }
}

fn networks(texts: &[String]) -> Result<Vec<Network>, Error> {
    let wrong = |text: &String| {
        Error::new(
            "trusted-proxies",
            format!("{text:?} is invalid: expected an address, or a network such as 10.0.0.0/8"),
        )
    };
    texts.iter().map(|text| text.parse().map_err(|_| wrong(text))).collect()
}

#[cfg(test)]
mod tests;
