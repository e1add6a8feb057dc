//! Configuration of the database and of the master keys.

use std::{fmt, fs, path::PathBuf};

use clap::Args;

use super::{Config, MasterKeys, UrlError};
use crate::config::Error;

/// Database options.
#[derive(Debug, Args)]
#[command(next_help_heading = "Database")]
#[group(skip)]
pub struct DatabaseArgs {
    /// Database URL: `sqlite:PATH`, or `postgres://USER:PASSWORD@HOST:PORT/DATABASE` (version 15 or newer). `serve`,
    /// `migrate up`, `key create` and `key import` create a missing file; other commands fail. The path is taken
    /// literally, and is relative to the current folder unless it begins with `/`. Other users of the machine can see
    /// the command line, so pass a password in the variable
    // Without the variable's value in --help: it may hold a password.
    #[arg(
        long,
        env = "CHATGRAPH_DATABASE",
        hide_env_values = true,
        default_value = "sqlite:chatgraph.db",
        value_name = "URL"
    )]
    pub database: String,
    /// Maximum number of PostgreSQL connections for reads, 1 to 1000
    #[arg(long, env = "CHATGRAPH_DATABASE_READERS", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1000), value_name = "COUNT")]
    pub database_readers: u32,
    /// Maximum number of PostgreSQL connections for writes, and so of concurrent commits, 1 to 1000
    #[arg(long, env = "CHATGRAPH_DATABASE_WRITERS", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1000), value_name = "COUNT")]
    pub database_writers: u32,
}

impl DatabaseArgs {
    /// Parses the URL.
    ///
    /// # Errors
    /// [`Error`], which does not repeat the URL.
    pub fn config(&self) -> Result<Config, Error> {
        let mut database =
            self.database.parse().map_err(|error: UrlError| Error::new("database", error.to_string()))?;
        if let Config::Postgres(server) = &mut database {
            server.readers = self.database_readers;
            server.writers = self.database_writers;
        }
        Ok(database)
    }
}

/// Master key options.
#[derive(Debug, Args)]
#[command(next_help_heading = "Secrets at rest")]
#[group(skip)]
pub struct MasterKeyArgs {
    /// File with the master keys that encrypt the sessions' secrets in the database, one per line. Generate a key with
    /// `chatgraph master-key new` or `openssl rand -base64 32`. The first key encrypts, all keys decrypt. With a line
    /// `plain` before the first key, new secrets are not encrypted
    #[arg(long, env = "CHATGRAPH_MASTER_KEY_FILE", value_name = "FILE")]
    pub master_key_file: Option<PathBuf>,
    /// The master keys, separated by commas. Other users of the machine can see the command line, so pass them in the
    /// variable
    // Without the variable's value in --help: it is a secret.
    #[arg(long, env = "CHATGRAPH_MASTER_KEY", hide_env_values = true, value_name = "KEYS")]
    pub master_key: Option<String>,
}

impl MasterKeyArgs {
    /// Parses the master keys, or reads them from the file; `None` if no option is set.
    ///
    /// # Errors
    /// [`Error`], which never contains key material.
    pub fn keys(&self) -> Result<Option<MasterKeys>, Error> {
        match (&self.master_key_file, &self.master_key) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(Error::new("master-key-file", "cannot be used together with --master-key")),
            (None, Some(keys)) => keys.parse().map(Some).map_err(|error| Error::new("master-key", format!("{error}"))),
            (Some(file), None) => {
                let wrong =
                    |cause: &dyn fmt::Display| Error::new("master-key-file", format!("{}: {cause}", file.display()));
                let keys = fs::read_to_string(file).map_err(|cause| wrong(&cause))?;
                keys.parse().map(Some).map_err(|error| wrong(&error))
            }
        }
    }

    /// Returns the master keys, which the command requires.
    ///
    /// # Errors
    /// As for [`Self::keys`], and if no option is set.
    pub fn required(&self) -> Result<MasterKeys, Error> {
        self.keys()?.ok_or_else(|| Error::new("master-key-file", "is required, or CHATGRAPH_MASTER_KEY"))
    }
}
