//! Capabilities of a client.

use std::{fmt, str::FromStr};

use enumset::{EnumSet, EnumSetType};

/// A permission of a token, in display order. Its position is a bit in rows, and never changes.
#[derive(Debug, PartialOrd, Ord, Hash, EnumSetType)]
#[enumset(repr = "u32", no_ops)]
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
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Capability {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Capabilities::all()
            .into_iter()
            .find(|capability| capability.as_str() == text)
            .ok_or_else(|| format!("unknown permission {text:?}; expected read, send, manage or events"))
    }
}

/// A set of capabilities.
pub type Capabilities = EnumSet<Capability>;
