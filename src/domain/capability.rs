//! Capabilities of a client.

use std::fmt;
use std::str::FromStr;

/// A permission of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// List and read.
    Read,
    /// Change and delete chats, and reject ringing calls, whose callers are sent the auto-reply.
    Send,
    /// Manage sessions and API keys.
    Manage,
    /// Subscribe to changes.
    Events,
}

impl Capability {
    /// All values, in display order.
    pub const ALL: [Self; 4] = [Self::Read, Self::Send, Self::Manage, Self::Events];

    /// The name in keys, messages and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Send => "send",
            Self::Manage => "manage",
            Self::Events => "events",
        }
    }

    fn bit(self) -> i32 {
        match self {
            Self::Read => 1,
            Self::Send => 2,
            Self::Manage => 4,
            Self::Events => 8,
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Capability {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|capability| capability.as_str() == text)
            .ok_or_else(|| format!("unknown permission {text:?}; expected read, send, manage or events"))
    }
}

/// A set of capabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities(i32);

impl Capabilities {
    /// Every capability.
    #[must_use]
    pub fn all() -> Self {
        Capability::ALL.into_iter().collect()
    }

    /// Returns whether the set contains `capability`.
    #[must_use]
    pub fn contains(self, capability: Capability) -> bool {
        self.0 & capability.bit() != 0
    }

    /// The members, in display order.
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        Capability::ALL.into_iter().filter(move |capability| self.contains(*capability))
    }

    /// The bits that a row stores.
    #[must_use]
    pub fn bits(self) -> i32 {
        self.0
    }

    /// Parses the bits of a row; unknown bits grant nothing.
    #[must_use]
    pub fn from_bits(bits: i32) -> Self {
        Self(bits & Self::all().0)
    }
}

impl FromIterator<Capability> for Capabilities {
    fn from_iter<I: IntoIterator<Item = Capability>>(capabilities: I) -> Self {
        Self(capabilities.into_iter().fold(0, |bits, capability| bits | capability.bit()))
    }
}
