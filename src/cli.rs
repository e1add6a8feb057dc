//! The command line. Each setting is a flag, an environment variable and a key of the configuration file, with the same
//! name. `invocation` reads all three; no other module reads arguments or the environment. The settings of a component
//! are declared in its own `config.rs`, and flattened into the commands here.
//!
//! A setting has `env`. Arguments of a single call (a key's name, the format of a list) have none. A variable that is
//! always set therefore does not change them.

mod api_key;
mod config_file;
mod event;
mod invocation;
mod listen;
mod master_key;
mod observability;
mod organization;
mod session;

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{
    auth,
    config::Error,
    graphql, http, service,
    session::{History, SandboxArgs},
    store::{self, DatabaseArgs, MasterKeyArgs},
    telemetry,
};

pub use api_key::{
    Expiry, KeyArgs, KeyCommand, KeyCreateArgs, KeyImportArgs, KeyListArgs, KeyRevokeArgs, KeyRotateArgs,
};
pub use config_file::{FileError, is_of_the_command_line};
pub use event::{EventCommand, EventDeleteArgs, EventListArgs, EventRetryArgs};
pub use invocation::{Invocation, InvocationError, Setting, Source};
pub use master_key::{MasterKeyCommand, MasterKeyForgetArgs, MasterKeyRotateArgs, MasterKeyStatusArgs};
pub use observability::ObservabilityArgs;
pub use organization::{OrganizationCommand, OrganizationDeleteArgs, OrganizationListArgs, OrganizationShowArgs};
pub use session::{SessionCommand, SessionListArgs};

/// A self-hosted, multi-tenant GraphQL server for WhatsApp chats.
#[derive(Debug, Parser)]
#[command(name = "chatgraph", version, propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
    /// Configuration file in TOML. Its keys are the names of the flags. A top-level key applies to every command that
    /// has the flag. Flags of one command are in a table named after it, such as `[demo]` or `[key.create]`. A flag has
    /// precedence over its variable, and a variable over the file
    #[arg(long, global = true, env = "CHATGRAPH_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Logging.
    #[command(flatten)]
    pub log: telemetry::Config,
}

/// The command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API and keep the sessions connected
    Serve(Box<ServeArgs>),
    /// Run a demo: a server with a simulated WhatsApp account, an API key and some chats
    Demo(DemoArgs),
    /// Apply, revert or list database migrations
    Migrate(MigrateArgs),
    /// Copy an SQLite database into a new file, also while a server is running
    Backup(BackupArgs),
    /// Replace an SQLite database with a backup, while no server is running
    Restore(RestoreArgs),
    /// Check the integrity of a database, also while a server is running: the file, its tables, and the invariants of
    /// the data. Changes nothing, and exits with 1 if it finds a problem
    Check(CheckArgs),
    /// Print the GraphQL schema
    Schema,
    /// Manage API keys
    #[command(subcommand, arg_required_else_help = true)]
    Key(KeyCommand),
    /// List, show or delete organizations
    #[command(subcommand, arg_required_else_help = true)]
    Organization(OrganizationCommand),
    /// List sessions
    #[command(subcommand, arg_required_else_help = true)]
    Session(SessionCommand),
    /// Manage quarantined events: events that could not be applied to the database
    #[command(subcommand, arg_required_else_help = true)]
    Events(EventCommand),
    /// Manage the master keys, which encrypt the sessions' secrets in the database
    #[command(subcommand, arg_required_else_help = true)]
    MasterKey(MasterKeyCommand),
}

/// `serve`
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address and port to listen on; `localhost` is 127.0.0.1
    #[arg(long, env = "CHATGRAPH_LISTEN", default_value = "127.0.0.1:8080", value_parser = listen::address, value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Serve GraphiQL, a page to explore the API, at `/`. The page loads without authentication; it shows no data
    /// without an API key
    #[arg(long, env = "CHATGRAPH_GRAPHIQL", value_parser = clap::builder::FalseyValueParser::new())]
    pub graphiql: bool,
    /// The sandbox.
    #[command(flatten)]
    pub sandbox: SandboxArgs,
    /// Print the effective settings with their sources, secrets hidden, and exit without starting the server. The exit
    /// code is 0 if the settings are valid, 2 if one is invalid
    #[arg(long)]
    pub check_config: bool,
    /// Cross-origin requests of web pages.
    #[command(flatten)]
    pub pages: http::PageArgs,
    /// Retention.
    #[command(flatten)]
    pub retention: service::RetentionConfig,
    /// History.
    #[command(flatten)]
    pub history: History,
    /// Database options.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Master keys.
    #[command(flatten)]
    pub master_keys: MasterKeyArgs,
    /// Limits of documents and clients.
    #[command(flatten)]
    pub api: graphql::Config,
    /// Limits per organization.
    #[command(flatten)]
    pub limits: service::Limits,
    /// Accepted documents.
    #[command(flatten)]
    pub documents: graphql::DocumentArgs,
    /// Connection limits and timeouts.
    #[command(flatten)]
    pub connections: http::ConnectionConfig,
    /// Requests.
    #[command(flatten)]
    pub http: http::Config,
    /// Invalid tokens.
    #[command(flatten)]
    pub auth: auth::Config,
    /// Trusted proxies.
    #[command(flatten)]
    pub proxies: http::ProxyArgs,
    /// TLS files.
    #[command(flatten)]
    pub tls: http::TlsArgs,
    /// Login tokens.
    #[command(flatten)]
    pub login: auth::LoginArgs,
    /// Monitoring.
    #[command(flatten)]
    pub watching: ObservabilityArgs,
}

/// `demo`
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Address and port to listen on; `localhost` is 127.0.0.1
    #[arg(long, env = "CHATGRAPH_LISTEN", default_value = "127.0.0.1:8080", value_parser = listen::address, value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Folder for the demo's data. Without it, the demo uses a temporary folder and removes it at the end
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Print one line of JSON when the demo is ready, for scripts, instead of instructions
    #[arg(long)]
    pub json: bool,
    /// Do not simulate activity on the phone
    #[arg(long)]
    pub quiet: bool,
    /// Cross-origin requests of web pages.
    #[command(flatten)]
    pub pages: http::PageArgs,
}

/// `migrate`
#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// Action to run.
    #[arg(default_value = "up", value_name = "ACTION")]
    pub direction: Migration,
    /// Migrate down without confirmation, for scripts
    // No `env`: a variable that is always set would confirm every loss.
    #[arg(long)]
    pub yes: bool,
    /// Database options.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `backup`
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The backup file to create: a complete, verified database for `chatgraph restore`. Existing files are never
    /// overwritten. Back up a PostgreSQL database with `pg_dump`
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Database options.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

impl BackupArgs {
    /// Returns the SQLite file to copy.
    ///
    /// # Errors
    /// [`Error`] if the database is not an SQLite file.
    pub fn sqlite(&self) -> Result<PathBuf, Error> {
        match self.database.config()? {
            store::Config::Sqlite(file) => Ok(file),
            store::Config::Postgres(_) => {
                Err(Error::new("database", "is a PostgreSQL database: back it up with pg_dump"))
            }
        }
    }
}

/// `restore`
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The backup file, which is verified first and not modified. Restore a PostgreSQL database with `pg_restore`, then
    /// run `chatgraph migrate restored`
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Replace an existing database, which is lost
    // No `env`: a variable that is always set would confirm every loss.
    #[arg(long)]
    pub overwrite: bool,
    /// Database options.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

impl RestoreArgs {
    /// Returns the SQLite file to replace.
    ///
    /// # Errors
    /// [`Error`] if the database is not an SQLite file.
    pub fn sqlite(&self) -> Result<PathBuf, Error> {
        match self.database.config()? {
            store::Config::Sqlite(file) => Ok(file),
            store::Config::Postgres(_) => Err(Error::new(
                "database",
                "is a PostgreSQL database: restore it with pg_restore, then run `chatgraph migrate restored`",
            )),
        }
    }
}

/// `check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Print one line of JSON with the overall result and the problems of each check
    #[arg(long)]
    pub json: bool,
    /// Database options.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// An action of `migrate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Migration {
    /// Apply all pending migrations, and create a missing SQLite file
    Up,
    /// Revert the newest migration, while no server is running, after confirmation (or with --yes). The data that the
    /// migration added is lost
    Down,
    /// List the migrations and whether each is applied
    Status,
    /// Invalidate the cursors issued before a backup was restored, because their numbers are reused. Run it after the
    /// restore and before the server starts
    Restored,
}

/// Returns the known name that is most similar to `name`, if any is similar enough.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let bare = |name: &'a str| name.strip_prefix("CHATGRAPH_").unwrap_or(name);
    let own = name.strip_prefix("CHATGRAPH_").unwrap_or(name);
    let alike = known.map(|known| (strsim::normalized_damerau_levenshtein(own, bare(known)), known));
    alike.filter(|(alike, _)| *alike >= 0.5).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, known)| known)
}

#[cfg(test)]
mod tests;
