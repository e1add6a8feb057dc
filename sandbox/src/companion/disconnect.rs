//! Disconnecting of companions, and rejection of their next logins.

use std::fmt;

use crate::wire::node::{Node, node};

/// Ways to disconnect a companion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The connection is lost without a notification. The companion may reconnect.
    Dropped,
    /// Another connection of the same companion replaces it. It should not reconnect by itself.
    Replaced,
    /// The account is banned: no login until this is over.
    Banned {
        /// Duration from now.
        seconds: u32,
    },
    /// The next login is rejected because the client is too old.
    Outdated,
    /// The next login is rejected for a reason that clients do not know.
    Refused,
}

impl DisconnectReason {
    /// Returns the stanza that is sent before the connection is closed.
    pub(crate) fn final_stanza(self) -> Option<Node> {
        matches!(self, Self::Replaced).then(|| conflict("replaced"))
    }

    /// Returns the reason for rejecting later logins, for an event at `now`, in milliseconds.
    pub(crate) fn login_block(self, now: i64) -> Option<LoginBlock> {
        match self {
            Self::Dropped | Self::Replaced => None,
            Self::Banned { seconds } => Some(LoginBlock::Until(now + i64::from(seconds) * 1_000)),
            Self::Outdated => Some(LoginBlock::Once(Refusal::Outdated)),
            Self::Refused => Some(LoginBlock::Once(Refusal::Failed)),
        }
    }
}

/// Creates the error of a connection that was replaced, or whose companion was removed.
pub(crate) fn conflict(kind: &'static str) -> Node {
    node("stream:error").children([node("conflict").attr("type", kind).build()]).build()
}

/// Reason for rejecting logins.
#[derive(Debug, Clone)]
pub(crate) enum LoginBlock {
    /// A ban until then, in milliseconds.
    Until(i64),
    /// A single rejection at the next login.
    Once(Refusal),
}

impl LoginBlock {
    /// Returns the answer to a login at `now`, in milliseconds; `None` if the ban is over.
    pub(crate) fn refusal(&self, now: i64) -> Option<Refusal> {
        match self {
            Self::Until(end) if *end <= now => None,
            // Rounded up, so that a login after this time succeeds.
            Self::Until(end) => Some(Refusal::Banned { seconds: (end - now + 999) / 1_000 }),
            Self::Once(refusal) => Some(refusal.clone()),
        }
    }
}

/// A rejected login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is not a companion, or no longer.
    Unlinked,
    Banned {
        /// Remaining time.
        seconds: i64,
    },
    Outdated,
    Failed,
}

impl Refusal {
    pub(crate) fn stanza(&self) -> Node {
        let reason = match self {
            Self::Unlinked => "401",
            Self::Banned { .. } => "402",
            Self::Outdated => "405",
            Self::Failed => "400",
        };
        let failure = node("failure").attr("reason", reason).attr("location", "sandbox");
        match self {
            Self::Banned { seconds } => failure.attr("code", "101").attr("expire", seconds.to_string()).build(),
            Self::Failed => failure.attr("message", "rejected by a fault").build(),
            Self::Unlinked | Self::Outdated => failure.build(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlinked => formatter.write_str("not a companion of this account, or no longer"),
            Self::Banned { seconds } => write!(formatter, "banned for {seconds} s more"),
            Self::Outdated => formatter.write_str("too old a client"),
            Self::Failed => formatter.write_str("as requested"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ban_ends_and_another_refusal_comes_once() {
        let ban = DisconnectReason::Banned { seconds: 2 }.login_block(1_000).unwrap();
        assert_eq!(ban.refusal(1_001), Some(Refusal::Banned { seconds: 2 }));
        assert_eq!(ban.refusal(2_000), Some(Refusal::Banned { seconds: 1 }));
        assert_eq!(ban.refusal(3_000), None);
        assert!(
            DisconnectReason::Dropped.login_block(0).is_none() && DisconnectReason::Replaced.login_block(0).is_none()
        );
    }
}
