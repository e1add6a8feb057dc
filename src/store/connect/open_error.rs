//! Errors of opening a database.

use std::path::PathBuf;

use sea_orm::DbErr;

use crate::store::{encryption::MasterKeyId, error::StoreError};

/// Reason why the database cannot be opened, for the operator; never contains a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file or its folder cannot be used.
    #[error("cannot use {path}")]
    File {
        /// The path.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// Another server uses the file.
    #[error("{0} is in use by another chatgraph server")]
    InUse(PathBuf),
    /// The file does not exist, and the command does not create it.
    #[error("no database at {0}; `chatgraph serve` and `chatgraph migrate up` create one")]
    Missing(PathBuf),
    /// The file has several names.
    #[error("{path} has {links} hard links, and SQLite would use a separate -wal file for each; remove all but one")]
    HardLinks {
        /// The file.
        path: PathBuf,
        /// Number of its names.
        links: u64,
    },
    /// The file exists and must not be overwritten.
    #[error("{0} already exists and is not overwritten")]
    Exists(PathBuf),
    /// The file is not a chatgraph database.
    #[error("{0} is not a chatgraph database")]
    Foreign(PathBuf),
    /// The file is corrupt.
    #[error("{path} is damaged: {problem}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The first problem found.
        problem: String,
    },
    /// A copy cannot be made.
    #[error("cannot copy the database")]
    Copy(#[source] DbErr),
    /// The database is older than the program.
    #[error("the schema is not up to date; start the server or run `chatgraph migrate up`")]
    Outdated,
    /// The database is newer than the program.
    #[error("the schema is from a newer version of chatgraph: it has migration {0}")]
    Newer(String),
    /// Another server uses the PostgreSQL database.
    #[error("another chatgraph server is using PostgreSQL database {0}; stop it before starting this one")]
    Served(String),
    /// The PostgreSQL server does not answer, or rejects the connection.
    #[error("cannot connect to PostgreSQL at {server}")]
    Unreachable {
        /// Host, port and database.
        server: String,
        /// The cause.
        #[source]
        source: sea_orm::SqlxError,
    },
    /// The PostgreSQL server is too old.
    #[error("PostgreSQL 15 or later is required; {server} runs version {major}")]
    TooOld {
        /// Host, port and database.
        server: String,
        /// Its major version.
        major: i32,
    },
    /// The encoding does not support all scripts of names and messages.
    #[error("the database encoding must be UTF8; {server} uses {encoding}")]
    Encoding {
        /// Host, port and database.
        server: String,
        /// Its encoding.
        encoding: String,
    },
    /// Secrets are encrypted with a key that was not given.
    #[error(
        "the sessions' secrets are encrypted with master key {0}, which is not among the given keys \
         (--master-key-file); if it is lost, `chatgraph master-key forget {0}` lets those sessions be paired again"
    )]
    NoMasterKey(MasterKeyId),
    /// The running server may not be able to decrypt re-encrypted values.
    #[error("the server last started with different master keys: start it with these keys in this order, then rotate")]
    NotServed,
    /// No value needs the key.
    #[error("no secret is encrypted with master key {0}")]
    NotNeeded(MasterKeyId),
    /// Connecting or migrating failed.
    #[error("cannot open the database")]
    Database(#[from] DbErr),
    /// The data cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}
