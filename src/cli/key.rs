//! `key`: api-keys.

use std::path::PathBuf;
use std::str::FromStr;

use chrono::DateTime;
use clap::Args;
use clap::Subcommand;

use crate::domain::capability::Capability;
use crate::domain::id::KeyId;
use crate::domain::id::OrganizationId;

use super::DatabaseArgs;

/// The longest time that a key may be made for, in days.
const LONGEST_DAYS: i64 = 36_500;

/// `key`
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make an api-key and print its secret, which is shown this once
    Create(KeyCreateArgs),
    /// Let a token that callers have already, such as a UUID, work as an api-key; prints the key's id
    Import(KeyImportArgs),
    /// List an organization's api-keys, without their secrets
    List(KeyListArgs),
    /// Give an api-key a new secret and print it, which is shown this once. The key's id, name, permissions and end stay
    Rotate(KeyRotateArgs),
    /// Remove an api-key: it is refused within 10 seconds, and its sockets are closed
    Revoke(KeyRevokeArgs),
}

/// What a new key is.
#[derive(Debug, Args)]
pub struct KeyArgs {
    /// Whose chats the key opens: the organization's id, 1 to 128 visible ASCII characters. Made with its first key
    #[arg(long, env = "CHATGRAPH_ORGANIZATION", value_name = "ID")]
    pub organization: OrganizationId,
    /// A name to tell the key by
    #[arg(long, default_value = "api-key", value_name = "NAME")]
    pub name: String,
    /// What the key may do: read, send, manage or events; may be repeated. `manage` includes making keys
    #[arg(long, value_delimiter = ',', default_value = "read,events", value_name = "PERMISSION")]
    pub permission: Vec<Capability>,
    /// Until when the key works: a time such as `2027-01-31T18:00:00Z`, whose last millisecond counts, or from now on for
    /// `90s`, `15m`, `12h` or `30d`. For good when left out
    #[arg(long, value_name = "WHEN")]
    pub expires: Option<Expiry>,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `key create`
#[derive(Debug, Args)]
pub struct KeyCreateArgs {
    /// The key.
    #[command(flatten)]
    pub key: KeyArgs,
}

/// `key import`
#[derive(Debug, Args)]
pub struct KeyImportArgs {
    /// File with the token, and nothing else; standard input when left out. Never an argument, which other users of the
    /// machine see
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// The key.
    #[command(flatten)]
    pub key: KeyArgs,
}

/// `key list`
#[derive(Debug, Args)]
pub struct KeyListArgs {
    /// Whose keys
    #[arg(long, env = "CHATGRAPH_ORGANIZATION", value_name = "ID")]
    pub organization: OrganizationId,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `key rotate`
#[derive(Debug, Args)]
pub struct KeyRotateArgs {
    /// The key's id, as `key list` shows it
    #[arg(value_name = "KEY")]
    pub id: KeyId,
    /// Whose key it is
    #[arg(long, env = "CHATGRAPH_ORGANIZATION", value_name = "ID")]
    pub organization: OrganizationId,
    /// Until when the last secret still works: from now on for `90s`, `15m`, `12h` or `30d`, or until a time such as
    /// `2027-01-31T18:00:00Z`. Without it, that secret is refused within 10 seconds, and its sockets are closed
    #[arg(long, value_name = "WHEN")]
    pub grace: Option<Expiry>,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `key revoke`
#[derive(Debug, Args)]
pub struct KeyRevokeArgs {
    /// The key's id, as `key list` shows it
    #[arg(value_name = "KEY")]
    pub id: KeyId,
    /// Whose key it is
    #[arg(long, env = "CHATGRAPH_ORGANIZATION", value_name = "ID")]
    pub organization: OrganizationId,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// When a key ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// At this time, in milliseconds since the Unix epoch.
    At(i64),
    /// So many milliseconds from now on.
    In(i64),
}

impl FromStr for Expiry {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::At(time.timestamp_millis()));
        }
        let wrong = || format!("{text:?} is neither a time such as 2027-01-31T18:00:00Z nor 90s, 15m, 12h or 30d");
        let unit_ms = match text.chars().last() {
            Some('s') => 1_000,
            Some('m') => 60_000,
            Some('h') => 3_600_000,
            Some('d') => 86_400_000,
            _ => return Err(wrong()),
        };
        let count = &text[..text.len() - 1];
        let digits = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
        let count = count.parse::<i64>().ok().filter(|count| digits && *count > 0).ok_or_else(wrong)?;
        let time_ms = count.checked_mul(unit_ms).filter(|time_ms| *time_ms <= LONGEST_DAYS * 86_400_000);
        time_ms.map(Self::In).ok_or_else(|| format!("at most {LONGEST_DAYS} days"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_ends_at_a_time_or_after_one() {
        for (text, expiry) in [
            ("2027-01-31T18:00:00Z", Expiry::At(1_801_418_400_000)),
            ("2027-01-31T19:00:00.5+01:00", Expiry::At(1_801_418_400_500)),
            ("90s", Expiry::In(90_000)),
            ("15m", Expiry::In(900_000)),
            ("12h", Expiry::In(43_200_000)),
            ("36500d", Expiry::In(3_153_600_000_000)),
        ] {
            assert_eq!(text.parse(), Ok(expiry), "{text}");
        }
        for text in
            ["", "d", "0d", "-1d", "+1d", "1.5h", "1", "1w", "36501d", "99999999999999999999d", "2027-01-31", "1é"]
        {
            assert!(text.parse::<Expiry>().is_err(), "{text} was taken");
        }
    }
}
