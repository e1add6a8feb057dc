//! The command line: every setting is a flag, an environment variable and a key of the configuration file, named alike.
//! `invocation` reads all three, `config` checks what they mean together; nothing else reads arguments or the environment.
//!
//! A setting has `env`. What one call is asked to make or print (a key's name, the format of a list) has none, so that
//! variables that are always set do not change it.

mod config_file;
mod connections;
mod event;
mod invocation;
mod key;
mod limits;
mod listen;
mod login;
mod master_key;
mod organization;
mod pages;
mod session;
mod watching;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use clap::Parser;
use clap::Subcommand;
use clap::ValueEnum;

use crate::telemetry::Format;

pub use config_file::FileError;
pub use config_file::is_of_the_command_line;
pub use connections::ConnectionArgs;
pub use event::EventCommand;
pub use event::EventDeleteArgs;
pub use event::EventListArgs;
pub use event::EventRetryArgs;
pub use invocation::Invocation;
pub use invocation::Refusal;
pub use invocation::Setting;
pub use invocation::Source;
pub use key::Expiry;
pub use key::KeyArgs;
pub use key::KeyCommand;
pub use key::KeyCreateArgs;
pub use key::KeyImportArgs;
pub use key::KeyListArgs;
pub use key::KeyRevokeArgs;
pub use key::KeyRotateArgs;
pub use limits::LimitArgs;
pub use login::LoginArgs;
pub use master_key::MasterKeyArgs;
pub use master_key::MasterKeyCommand;
pub use master_key::MasterKeyForgetArgs;
pub use master_key::MasterKeyRotateArgs;
pub use master_key::MasterKeyStatusArgs;
pub use organization::OrganizationCommand;
pub use organization::OrganizationDeleteArgs;
pub use organization::OrganizationListArgs;
pub use organization::OrganizationShowArgs;
pub use pages::PageArgs;
pub use session::SessionCommand;
pub use session::SessionListArgs;
pub use watching::WatchingArgs;

/// A self-hosted, multi-tenant GraphQL server for WhatsApp chats.
#[derive(Debug, Parser)]
#[command(name = "chatgraph", version, propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Configuration file in TOML. Its keys are the names of the flags, and count for every command that has the flag; flags
    /// of one command stand in a table named after it, such as `[demo]` or `[key.create]`. A flag has precedence over its
    /// variable, and that over the file
    #[arg(long, global = true, env = "CHATGRAPH_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The log.
    #[command(flatten)]
    pub log: LogArgs,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API and keep the sessions connected
    Serve(Box<ServeArgs>),
    /// Try everything out: a server with a simulated WhatsApp account, an api-key and some chats
    Demo(DemoArgs),
    /// Bring the database's tables to this version, or back
    Migrate(MigrateArgs),
    /// Copy an SQLite database into a new file, also while a server runs on it
    Backup(BackupArgs),
    /// Put a back-up in the place of an SQLite database, while no server runs on it
    Restore(RestoreArgs),
    /// Check that a database is sound: the file, its tables, and what chatgraph relies on in them. Works beside a server,
    /// changes nothing, and exits with 1 if anything is wrong
    Check(CheckArgs),
    /// Print the GraphQL schema
    Schema,
    /// Manage api-keys
    #[command(subcommand, arg_required_else_help = true)]
    Key(KeyCommand),
    /// List, show or delete organizations
    #[command(subcommand, arg_required_else_help = true)]
    Organization(OrganizationCommand),
    /// List sessions
    #[command(subcommand, arg_required_else_help = true)]
    Session(SessionCommand),
    /// Manage events that could not be applied to the stored copy and are in quarantine
    #[command(subcommand, arg_required_else_help = true)]
    Events(EventCommand),
    /// Manage the keys that the secrets of sessions are sealed with in the database
    #[command(subcommand, arg_required_else_help = true)]
    MasterKey(MasterKeyCommand),
}

/// The log, for every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Log")]
pub struct LogArgs {
    /// How a line of the log looks
    #[arg(long, global = true, env = "CHATGRAPH_LOG_FORMAT", default_value = "text", value_name = "FORMAT")]
    pub log_format: Format,
    /// What is logged: error, warn, info, debug or trace, also by module, as in `info,chatgraph::session=debug`. Of other
    /// modules than chatgraph's only errors are, and the statements of `sqlx::query`
    #[arg(
        long,
        global = true,
        env = "CHATGRAPH_LOG_FILTER",
        default_value = "error,chatgraph=info,chatgraph_sandbox=info",
        value_name = "FILTER"
    )]
    pub log_filter: String,
    /// Send traces to the collector at this URL, as in `http://127.0.0.1:4318`, by OTLP over HTTP. More of it by OpenTelemetry's
    /// own variables: `OTEL_SERVICE_NAME`, `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_TRACES_SAMPLER`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_BSP_SCHEDULE_DELAY`
    #[arg(long, global = true, env = "CHATGRAPH_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<String>,
}

/// Which database.
#[derive(Debug, Args)]
#[command(next_help_heading = "Database")]
pub struct DatabaseArgs {
    /// Where the stored copy lives: `sqlite:PATH`, or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, version 15 or newer.
    /// `serve`, `migrate up`, `key create` and `key import` create a missing file; other commands refuse it. The path is
    /// taken literally, relative to the current folder unless it begins with `/`. Other users of the machine see the command
    /// line, so a password belongs into the variable
    // Without the variable's value in --help: it may hold a password.
    #[arg(
        long,
        env = "CHATGRAPH_DATABASE",
        hide_env_values = true,
        default_value = "sqlite:chatgraph.db",
        value_name = "URL"
    )]
    pub database: String,
    /// Connections to PostgreSQL that read, at most
    #[arg(long, env = "CHATGRAPH_DATABASE_READERS", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1000), value_name = "COUNT")]
    pub database_readers: u32,
    /// Connections to PostgreSQL that write, at most: as many organizations commit at the same time
    #[arg(long, env = "CHATGRAPH_DATABASE_WRITERS", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1000), value_name = "COUNT")]
    pub database_writers: u32,
}

/// `serve`
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address and port to serve on; `localhost` is 127.0.0.1
    #[arg(long, env = "CHATGRAPH_LISTEN", default_value = "127.0.0.1:8080", value_parser = listen::address, value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Serve GraphiQL, a page to try the API on, at `/`. Anybody who reaches the server may load it; it shows nothing
    /// without an api-key
    #[arg(long, env = "CHATGRAPH_GRAPHIQL", value_parser = clap::builder::FalseyValueParser::new())]
    pub graphiql: bool,
    /// Connect every session to the sandbox at this loopback URL instead of WhatsApp; needs --sandbox-key
    #[arg(long, env = "CHATGRAPH_SANDBOX_URL", value_name = "URL")]
    pub sandbox_url: Option<String>,
    /// The sandbox's public key, as it prints it at its start; needs --sandbox-url
    #[arg(long, env = "CHATGRAPH_SANDBOX_KEY", value_name = "KEY")]
    pub sandbox_key: Option<String>,
    /// Print every setting in force with its source, secrets hidden, and exit without starting anything: with 0 if the
    /// server could start with them, with 2 if one is invalid
    #[arg(long)]
    pub check_config: bool,
    /// Web pages of other origins.
    #[command(flatten)]
    pub pages: PageArgs,
    /// What is kept.
    #[command(flatten)]
    pub keeping: KeepingArgs,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// The master keys.
    #[command(flatten)]
    pub master_keys: MasterKeyArgs,
    /// What a request may ask for.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// What connections may take.
    #[command(flatten)]
    pub connections: ConnectionArgs,
    /// People's tokens.
    #[command(flatten)]
    pub login: LoginArgs,
    /// For whoever watches the server.
    #[command(flatten)]
    pub watching: WatchingArgs,
}

/// `serve`: what is kept.
#[derive(Debug, Args)]
#[command(next_help_heading = "Retention and history")]
pub struct KeepingArgs {
    /// Days that changes are kept, 1 to 3650: how long a subscriber may have been away and still continue where it was
    #[arg(long, env = "CHATGRAPH_KEEP_CHANGES_DAYS", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=3_650), value_name = "DAYS")]
    pub keep_changes_days: u32,
    /// Messages that are kept of each chat, the newest, 1 to 1000000
    #[arg(long, env = "CHATGRAPH_KEEP_MESSAGES", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "COUNT")]
    pub keep_messages: u32,
    /// How much history a phone is asked for when it is paired: what WhatsApp's web page gets, some months, or what its program
    /// for Windows gets, a year
    #[arg(long, env = "CHATGRAPH_HISTORY", default_value = "recent", value_name = "DEPTH")]
    pub history: HistoryDepth,
    /// Messages of that history that are older than so many days are left out, 0 to 3650; the chats and their settings come
    /// all the same. Without it, all come that the phone sends
    #[arg(long, env = "CHATGRAPH_HISTORY_DAYS", value_parser = clap::value_parser!(u32).range(0..=3_650), value_name = "DAYS")]
    pub history_days: Option<u32>,
}

/// How much history a phone is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HistoryDepth {
    /// Some months
    Recent,
    /// A year
    Full,
}

/// `demo`
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Address and port to serve on; `localhost` is 127.0.0.1
    #[arg(long, env = "CHATGRAPH_LISTEN", default_value = "127.0.0.1:8080", value_parser = listen::address, value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Folder to keep the demo's data in; without it, a temporary one that is removed at the end
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Print one line of JSON once it runs, for scripts, instead of what to try
    #[arg(long)]
    pub json: bool,
    /// Leave out the script that keeps the phone busy
    #[arg(long)]
    pub quiet: bool,
    /// Web pages of other origins.
    #[command(flatten)]
    pub pages: PageArgs,
}

/// `migrate`
#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// What to do with the tables
    #[arg(default_value = "up")]
    pub direction: Migration,
    /// Go down without asking, in a script
    // Without a variable: one that is always set would confirm what was never asked.
    #[arg(long)]
    pub yes: bool,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `backup`
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The file to make: a whole database, verified, ready for `chatgraph restore`. Nothing is overwritten. A PostgreSQL
    /// database is backed up with `pg_dump`
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `restore`
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The back-up, which stays as it is. It is verified first; a PostgreSQL database is restored with `pg_restore`, then
    /// `chatgraph migrate restored`
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Replace a database that is there; it is lost
    // Without a variable: one that is always set would confirm what was never asked.
    #[arg(long)]
    pub overwrite: bool,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Print one line of JSON: whether the database is sound, and the problems of each check
    #[arg(long)]
    pub json: bool,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// What to do with the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Migration {
    /// Apply every pending step, creating an SQLite file that is missing
    Up,
    /// Undo the newest step, while no server runs, and after a confirmation (or with --yes): what it added is lost
    Down,
    /// List the steps and which are applied
    Status,
    /// After restoring a back-up, before the server starts: refuse cursors from before, whose numbers are given again
    Restored,
}

/// The known name that is most like `name`, if one is at all.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let bare = |name: &'a str| name.strip_prefix("CHATGRAPH_").unwrap_or(name);
    let own = name.strip_prefix("CHATGRAPH_").unwrap_or(name);
    let alike = known.map(|known| (strsim::normalized_damerau_levenshtein(own, bare(known)), known));
    alike.filter(|(alike, _)| *alike >= 0.5).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, known)| known)
}

#[cfg(test)]
mod tests;
