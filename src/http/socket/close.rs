//! Why a WebSocket is closed, by the protocol's codes. Callers come back after any but the 44xx that say so.

use axum::extract::ws::CloseFrame;

/// The longest reason that fits into a close frame, in bytes.
const LONGEST: usize = 123;

/// Why a WebSocket is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Close {
    /// The server stops.
    GoingAway,
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
    /// Our fault.
    Internal,
}

impl Close {
    /// As it goes over the wire.
    pub(super) fn frame(&self) -> CloseFrame {
        let (code, reason) = match self {
            Self::GoingAway => (1001, "Going away"),
            Self::InvalidMessage => (4400, "Invalid message received"),
            Self::Unauthorized => (4401, "Unauthorized"),
            Self::Forbidden => (4403, "Forbidden"),
            Self::NotTheProtocol => (4406, "Subprotocol not acceptable"),
            Self::InitTimeout | Self::Silent => (4408, "Connection initialisation timeout"),
            Self::SubscriberExists(id) => (4409, &*format!("Subscriber for {id} already exists")),
            Self::TooManyInits => (4429, "Too many initialisation requests"),
            Self::Internal => (4500, "Internal server error"),
        };
        let mut end = reason.len().min(LONGEST);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        CloseFrame { code, reason: reason[..end].into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_always_fits_into_its_frame() {
        let frame = Close::SubscriberExists("ä".repeat(200)).frame();
        assert!(frame.reason.len() <= 123, "125 bytes are the most a frame may have, two are the code");
        assert_eq!(frame.code, 4409);
    }
}
