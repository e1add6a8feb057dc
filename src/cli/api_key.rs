//! `key`: API keys.

use std::{path::PathBuf, str::FromStr};

use chrono::DateTime;
use clap::{Args, Subcommand};

use crate::{
    config::Error,
    domain::{
        api_key,
        capability::Capability,
        id::{KeyId, OrganizationId},
    },
    store::DatabaseArgs,
};

/// Longest lifetime of a key, in days.
const MAX_DAYS: i64 = 36_500;

/// `key`
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Create an API key and print its secret, which is shown only once
    Create(KeyCreateArgs),
    /// Import an existing token, such as a UUID, as an API key, and print the key's id
    Import(KeyImportArgs),
    /// List an organization's API keys, without their secrets
    List(KeyListArgs),
    /// Replace the secret of an API key and print the new one, which is shown only once. The key keeps its id, name,
    /// permissions and expiry
    Rotate(KeyRotateArgs),
    /// Revoke an API key: within 10 seconds it is rejected, and its WebSockets are closed
    Revoke(KeyRevokeArgs),
}

/// Options of a new key.
#[derive(Debug, Args)]
pub struct KeyArgs {
    /// Organization that the key belongs to: an id of 1 to 128 visible ASCII characters. Its first key creates the
    /// organization
    #[arg(long, env = "CHATGRAPH_ORGANIZATION", value_name = "ID")]
    pub organization: OrganizationId,
    /// Display name of the key
    #[arg(long, default_value = "api-key", value_name = "NAME")]
    pub name: String,
    /// Permission of the key: read, send, manage or events; repeatable. `manage` includes creating keys
    #[arg(long, value_delimiter = ',', default_value = "read,events", value_name = "PERMISSION")]
    pub permission: Vec<Capability>,
    /// Expiry of the key (inclusive): an RFC 3339 time such as `2027-01-31T18:00:00Z`, or a duration from now such as
    /// `90s`, `15m`, `12h` or `30d`. Without it, the key never expires
    #[arg(long, value_name = "WHEN")]
    pub expires: Option<Expiry>,
    /// Database options.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

impl KeyArgs {
    /// Returns the name without surrounding spaces.
    ///
    /// # Errors
    /// [`Error`] if it is empty or too long.
    pub fn name(&self) -> Result<&str, Error> {
        let wrong = || Error::new("name", format!("expected 1 to {} characters", api_key::MAX_NAME_LEN));
        api_key::name(&self.name).ok_or_else(wrong)
    }

    /// Returns the expiry (inclusive) of a key that is created at `now`. Both times are in milliseconds.
    ///
    /// # Errors
    /// [`Error`] if the expiry is before `now`.
    pub fn expires_at(&self, now: i64) -> Result<Option<i64>, Error> {
        self.expires.map(|expiry| expiry.at("expires", now)).transpose()
    }
}

/// `key create`
#[derive(Debug, Args)]
pub struct KeyCreateArgs {
    /// Options of the new key.
    #[command(flatten)]
    pub key: KeyArgs,
}

/// `key import`
#[derive(Debug, Args)]
pub struct KeyImportArgs {
    /// File that contains only the token. Without it, the token is read from standard input. There is no option for the
    /// token itself, because other users of the machine can see the command line
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Options of the new key.
    #[command(flatten)]
    pub key: KeyArgs,
}

/// `key list`
#[derive(Debug, Args)]
pub struct KeyListArgs {
    /// Organization whose keys to list
    #[arg(long, env = "CHATGRAPH_ORGANIZATION", value_name = "ID")]
    pub organization: OrganizationId,
    /// Database options.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `key rotate`
#[derive(Debug, Args)]
pub struct KeyRotateArgs {
    /// The key's id, as `key list` prints it
    #[arg(value_name = "KEY")]
    pub id: KeyId,
    /// Organization that the key belongs to
    #[arg(long, env = "CHATGRAPH_ORGANIZATION", value_name = "ID")]
    pub organization: OrganizationId,
    /// Expiry of the previous secret: a duration from now such as `90s`, `15m`, `12h` or `30d`, or an RFC 3339 time
    /// such as `2027-01-31T18:00:00Z`. Without it, within 10 seconds the previous secret is rejected, and its
    /// WebSockets are closed
    #[arg(long, value_name = "WHEN")]
    pub grace: Option<Expiry>,
    /// Database options.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

impl KeyRotateArgs {
    /// Returns the expiry of the previous secret (inclusive) if the key is rotated at `now`. Both times are in
    /// milliseconds.
    ///
    /// # Errors
    /// [`Error`] if the expiry is before `now`.
    pub fn previous_until(&self, now: i64) -> Result<Option<i64>, Error> {
        self.grace.map(|expiry| expiry.at("grace", now)).transpose()
    }
}

/// `key revoke`
#[derive(Debug, Args)]
pub struct KeyRevokeArgs {
    /// The key's id, as `key list` prints it
    #[arg(value_name = "KEY")]
    pub id: KeyId,
    /// Organization that the key belongs to
    #[arg(long, env = "CHATGRAPH_ORGANIZATION", value_name = "ID")]
    pub organization: OrganizationId,
    /// Database options.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// Expiry of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// At this time, in milliseconds since the Unix epoch.
    At(i64),
    /// This many milliseconds from now.
    In(i64),
}

impl Expiry {
    fn at(self, flag: &'static str, now: i64) -> Result<i64, Error> {
        match self {
            Self::In(time_ms) => Ok(now + time_ms),
            Self::At(at) if at >= now => Ok(at),
            Self::At(_) => Err(Error::new(flag, "must be in the future")),
        }
    }
}

impl FromStr for Expiry {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::At(time.timestamp_millis()));
        }
        let wrong =
            || format!("{text:?} is invalid: expected a time such as 2027-01-31T18:00:00Z, or 90s, 15m, 12h or 30d");
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
        let time_ms = count.checked_mul(unit_ms).filter(|time_ms| *time_ms <= MAX_DAYS * 86_400_000);
        time_ms.map(Self::In).ok_or_else(|| format!("{text:?} is too long: expected at most {MAX_DAYS} days"))
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
            assert!(text.parse::<Expiry>().is_err(), "{text} was accepted");
        }
    }
}
