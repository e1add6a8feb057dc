//! Why a WebSocket is closed, by the protocols' codes. Callers come back after most of them; after those that would only
//! be given again they do not: 4400, 4401, 4406, 4409, 4429, 4500, 1009, 1011.

use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::http::vigil::Refused;

use super::protocol::Protocol;

/// The longest reason that fits into a close frame, in bytes.
const LONGEST: usize = 123;

/// Why a WebSocket is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Close {
    /// The caller wants to go.
    Asked,
    /// The server stops.
    GoingAway,
    /// A message that is too long.
    TooLong,
    /// Who the caller is cannot be found out now.
    TryLater,
    /// A message that the protocol does not know.
    InvalidMessage,
    /// Something is asked for before the caller said who it is.
    Unauthorized,
    /// No token, a wrong one, or one that has ended. Callers come back after this one, with a new token perhaps.
    Forbidden,
    /// The caller did not speak the protocol.
    NotTheProtocol,
    /// The caller did not say in time who it is.
    InitTimeout,
    /// The caller gave no sign of life.
    Silent,
    /// An operation with this id is running.
    SubscriberExists(String),
    /// The caller said twice who it is.
    TooManyInits,
    /// The caller says more than anybody has to.
    TooManyMessages,
    /// The organization has as many connections as it may.
    TooManySockets,
    /// Our fault.
    Internal,
}

impl From<Refused> for Close {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Token | Refused::TooMany(_) => Self::Forbidden,
            Refused::Unknown => Self::TryLater,
        }
    }
}

impl Close {
    /// As it goes over the wire.
    pub(super) fn frame(&self, protocol: Option<Protocol>) -> CloseFrame {
        let (code, reason) = match self {
            Self::Asked => (1000, "Bye"),
            Self::GoingAway => (1001, "Going away"),
            Self::TooLong => (1009, "Message too long"),
            Self::TryLater => (1013, "Try again later"),
            Self::InvalidMessage => (4400, "Invalid message received"),
            Self::Unauthorized => (4401, "Unauthorized"),
            Self::Forbidden => (4403, "Forbidden"),
            Self::NotTheProtocol => (4406, "Subprotocol not acceptable"),
            Self::InitTimeout => (4408, "Connection initialisation timeout"),
            Self::Silent => (4408, "Request timeout"),
            Self::SubscriberExists(id) => (4409, &*format!("Subscriber for {id} already exists")),
            Self::TooManyInits => (4429, "Too many initialisation requests"),
            Self::TooManySockets => (1013, "Too many connections of this organization"),
            Self::TooManyMessages => (4429, "Too many messages"),
            // The older protocol has no code of its own for this.
            Self::Internal if protocol == Some(Protocol::Older) => (1011, "Internal server error"),
            Self::Internal => (4500, "Internal server error"),
        };
        CloseFrame { code: CloseCode::from(code), reason: reason[..reason.floor_char_boundary(LONGEST)].into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_always_fits_into_its_frame() {
        for id in ["ä".repeat(200), "a".repeat(300), "a".repeat(97)] {
            let frame = Close::SubscriberExists(id).frame(None);
            assert!(frame.reason.len() <= 123, "125 bytes are the most a frame may have, two are the code");
            assert_eq!(u16::from(frame.code), 4409);
        }
    }

    #[test]
    fn a_failure_of_ours_has_the_code_of_the_protocol() {
        let code = |protocol| u16::from(Close::Internal.frame(Some(protocol)).code);
        assert_eq!((code(Protocol::Transport), code(Protocol::Older)), (4500, 1011));
    }
}
