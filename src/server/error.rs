//! Errors of commands, and their exit codes.

use std::net::SocketAddr;

use crate::{
    auth::imported_token::InvalidToken,
    config,
    domain::id::{EventId, KeyId, OrganizationId, SessionId},
    http,
    store::{OpenError, error::StoreError},
};

/// Exit code for an invalid command line or setting. Success is 0, any other failure 1.
pub const USAGE_EXIT_CODE: u8 = 2;

/// An error of a command, for the operator.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is invalid.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Binding the listen address failed.
    #[error("cannot listen on {address} (--{flag})")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The flag that names it.
        flag: &'static str,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The TLS certificate is unusable.
    #[error(transparent)]
    Tls(#[from] http::TlsError),
    /// The HTTP server ended unexpectedly.
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
    /// The token to import is invalid.
    #[error(transparent)]
    Token(#[from] InvalidToken),
    /// The token to import is already an API key, of any organization.
    #[error("the token is already an API key")]
    TokenTaken,
    /// The API key does not exist.
    #[error("organization {organization} has no API key {id}")]
    NoSuchKey {
        /// The key.
        id: KeyId,
        /// The organization.
        organization: OrganizationId,
    },
    /// The quarantined event does not exist.
    #[error("no event {0} is in quarantine")]
    NoSuchEvent(EventId),
    /// The organization does not exist.
    #[error("organization {0} does not exist")]
    NoSuchOrganization(OrganizationId),
    /// The session does not exist.
    #[error("session {0} does not exist")]
    NoSuchSession(SessionId),
    /// Another server holds the lock on the database now.
    #[error("another chatgraph server locked the database while the connection to it was lost")]
    TakenOver,
    /// Some secrets could not be decrypted for re-encryption.
    #[error(
        "some secrets cannot be decrypted because they were modified outside the server: restore a backup, or log their sessions out"
    )]
    Unopened,
    /// Writing to standard output failed.
    #[error("cannot write the output")]
    Output(#[source] std::io::Error),
    /// The check of the database found problems.
    #[error("the database check found problems")]
    Unsound,
    /// The command loses data and was not confirmed.
    #[error("this loses data: confirm it on a terminal, or with --yes")]
    Unconfirmed,
    /// The operator did not confirm the command.
    #[error("not confirmed; nothing was changed")]
    Declined,
    /// Reading the confirmation failed.
    #[error("cannot read the answer")]
    Answer(#[source] std::io::Error),
    /// The demo failed.
    #[error("the demo failed: {0}")]
    Demo(String),
}

impl Error {
    /// Returns the exit code: [`USAGE_EXIT_CODE`] for an invalid command line or setting, otherwise 1.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Tls(_) | Self::Unconfirmed => USAGE_EXIT_CODE,
            _ => 1,
        }
    }

    /// Creates the error of a demo that failed, with all causes.
    pub(super) fn demo(error: impl std::error::Error) -> Self {
        let causes = std::iter::successors(error.source(), |cause| cause.source());
        Self::Demo(causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}")))
    }
}
