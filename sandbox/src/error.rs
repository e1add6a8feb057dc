//! Errors of starting the sandbox and of using its phones.

use std::net::SocketAddr;

use crate::chat::MAX_PINNED;

/// Error of the sandbox or of a phone.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address is not loopback; the sandbox has no access control, so it only listens on loopback.
    #[error("{0} is not a loopback address")]
    NotLoopback(SocketAddr),
    /// The port could not be opened.
    #[error("cannot listen on {address}")]
    Listen {
        /// The requested address.
        address: SocketAddr,
        /// The operating system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The operating system gave no random bytes.
    #[error("no randomness: {0}")]
    Randomness(getrandom::Error),
    /// There is already an account with this number.
    #[error("there is already an account {0}")]
    AccountExists(String),
    /// The description of an account is inconsistent.
    #[error("the account cannot be created: {0}")]
    InvalidAccount(String),
    /// The text is not a pairing QR code.
    #[error("invalid QR code: {0}")]
    InvalidQr(&'static str),
    /// No companion shows this QR code at present.
    #[error("no companion shows this code, or it has expired")]
    UnknownQr,
    /// The text is not a code to enter on a phone.
    #[error("invalid code: expected eight letters and digits, without 0, I, O and U")]
    InvalidCode,
    /// No companion waits for a code on this phone.
    #[error("no companion waits for a code on this phone")]
    UnknownCode,
    /// The companion shows another code.
    #[error("the waiting companion shows a different code")]
    WrongCode,
    /// The account has no such companion.
    #[error("the phone has no companion {0}")]
    UnknownCompanion(u16),
    /// The companion rejected the pairing, or disconnected during it.
    #[error("the companion did not pair: {0}")]
    PairingFailed(String),
    /// The phone has no such chat.
    #[error("the phone has no chat {0}")]
    UnknownChat(String),
    /// The maximum number of chats is pinned.
    #[error("the phone has pinned {MAX_PINNED} chats, which is the maximum")]
    TooManyPinned,
    /// This number or LID is assigned to another person.
    #[error("{0} is already assigned to a person")]
    TakenAddress(String),
    /// No chat has such a message.
    #[error("there is no message {0}")]
    UnknownMessage(String),
    /// No such call rings.
    #[error("there is no call {0}")]
    UnknownCall(String),
    /// The phone has no such contact, so the message cannot be sent.
    #[error("the phone has no contact {0}")]
    UnknownContact(String),
    /// There is no such privacy category or value.
    #[error("there is no privacy setting {0}")]
    UnknownPrivacy(String),
    /// The sandbox does not support it yet.
    #[error("not supported: {0}")]
    Unsupported(&'static str),
    /// The other side did not answer in time.
    #[error("no answer in time: {0}")]
    Timeout(&'static str),
    /// Keys, patches or messages could not be created or parsed.
    #[error("{what}")]
    Protocol {
        /// The failed step.
        what: &'static str,
        /// The library's reason.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another sandbox uses this folder.
    #[error("{} is in use by another sandbox", .0.display())]
    InUse(std::path::PathBuf),
    /// State cannot be stored or loaded.
    #[error("the sandbox's state in {} cannot be written or read", .path.display())]
    Storage {
        /// The file or folder.
        path: std::path::PathBuf,
        /// The reason.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The sandbox has been stopped.
    #[error("the sandbox is stopped")]
    Stopped,
}

impl Error {
    /// Wraps a failure of the protocol library.
    pub(crate) fn protocol(what: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Protocol { what, source: source.into() }
    }

    /// Wraps a failure with a file of the sandbox's folder.
    pub(crate) fn storage(path: &std::path::Path, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Storage { path: path.to_owned(), source: source.into() }
    }
}
