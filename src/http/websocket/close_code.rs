//! Reasons for closing a WebSocket, with the protocols' close codes. Clients reconnect after most of them, except after
//! errors that would occur again: 4400, 4401, 4406, 4409, 4429, 4500, 1009 and 1011.

use tokio_tungstenite::tungstenite::protocol::{CloseFrame, frame::coding::CloseCode};

use super::protocol::Protocol;
use crate::http::token_watch::AuthFailure;

/// Maximum length of a reason in a close frame, in bytes.
const MAX_CLOSE_REASON_LEN: usize = 123;

/// Reason for closing a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CloseReason {
    /// The client ends the connection.
    ClientLeft,
    /// The server is stopping.
    GoingAway,
    /// A message is too long.
    TooLong,
    /// The token cannot be verified at present.
    TryLater,
    /// A message is not part of the protocol.
    InvalidMessage,
    /// An operation was requested before `connection_init`.
    Unauthorized,
    /// The token is missing, invalid or expired. Clients reconnect, possibly with a new token.
    Forbidden,
    /// The client offered no supported subprotocol.
    ProtocolViolation,
    /// The client did not send `connection_init` in time.
    InitTimeout,
    /// The client did not respond to pings.
    HeartbeatTimeout,
    /// An operation with this id is running.
    SubscriberExists(String),
    /// The client sent `connection_init` twice.
    TooManyInits,
    /// The client exceeded the message rate.
    TooManyMessages,
    /// The organization has reached its WebSocket limit.
    TooManySockets,
    /// Internal error.
    Internal,
}

impl From<AuthFailure> for CloseReason {
    fn from(refused: AuthFailure) -> Self {
        match refused {
            AuthFailure::Invalid | AuthFailure::Throttled(_) => Self::Forbidden,
            AuthFailure::Unavailable => Self::TryLater,
        }
    }
}

impl CloseReason {
    /// Returns the close frame.
    pub(super) fn frame(&self, protocol: Option<Protocol>) -> CloseFrame {
        let (code, reason) = match self {
            Self::ClientLeft => (1000, "Normal closure"),
            Self::GoingAway => (1001, "Going away"),
            Self::TooLong => (1009, "Message too long"),
            Self::TryLater => (1013, "Try again later"),
            Self::InvalidMessage => (4400, "Invalid message received"),
            Self::Unauthorized => (4401, "Unauthorized"),
            Self::Forbidden => (4403, "Forbidden"),
            Self::ProtocolViolation => (4406, "Subprotocol not acceptable"),
            Self::InitTimeout => (4408, "Connection initialisation timeout"),
            Self::HeartbeatTimeout => (4408, "Request timeout"),
            Self::SubscriberExists(id) => (4409, &*format!("Subscriber for {id} already exists")),
            Self::TooManyInits => (4429, "Too many initialisation requests"),
            Self::TooManySockets => (1013, "Too many WebSockets of this organization"),
            Self::TooManyMessages => (4429, "Too many messages"),
            // The older protocol has no code for this.
            Self::Internal if protocol == Some(Protocol::Legacy) => (1011, "Internal server error"),
            Self::Internal => (4500, "Internal server error"),
        };
        CloseFrame {
            code: CloseCode::from(code),
            reason: reason[..reason.floor_char_boundary(MAX_CLOSE_REASON_LEN)].into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_always_fits_into_its_frame() {
        for id in ["ä".repeat(200), "a".repeat(300), "a".repeat(97)] {
            let frame = CloseReason::SubscriberExists(id).frame(None);
            assert!(frame.reason.len() <= 123, "a close frame has at most 125 bytes, of which two are the code");
            assert_eq!(u16::from(frame.code), 4409);
        }
    }

    #[test]
    fn a_failure_of_ours_has_the_code_of_the_protocol() {
        let code = |protocol| u16::from(CloseReason::Internal.frame(Some(protocol)).code);
        assert_eq!((code(Protocol::Transport), code(Protocol::Legacy)), (4500, 1011));
    }
}
