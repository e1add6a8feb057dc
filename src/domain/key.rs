//! Api-keys: what is known of one. Its secret is not.

use super::capability::Capabilities;
use super::cursor::TimeKey;
use super::id::KeyId;
use super::id::OrganizationId;

/// The longest name, in characters.
pub const LONGEST_NAME: usize = 100;

/// An api-key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: KeyId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// A name for people.
    pub name: String,
    /// Its secret's first characters.
    pub prefix: String,
    /// What it may do.
    pub permissions: Capabilities,
    /// When it was made, in milliseconds.
    pub created_at: i64,
    /// When it ends (inclusive), in milliseconds.
    pub expires_at: Option<i64>,
    /// When it was last used, to a minute, in milliseconds.
    pub last_used_at: Option<i64>,
    /// Who made it; `None` if it was made before this was recorded.
    pub created_by: Option<KeyCreator>,
    /// When the secret before the last rotation ends (inclusive), in milliseconds; `None` if it ended with the rotation.
    pub previous_until: Option<i64>,
}

/// The maker of an api-key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyCreator {
    /// An api-key, which may have been revoked since.
    ApiKey(KeyId),
    /// A person, by the subject of their login token.
    User(String),
    /// The operator, on the command line.
    Operator,
}

impl ApiKey {
    /// Where the key stands in its organization's list.
    #[must_use]
    pub fn key(&self) -> TimeKey {
        TimeKey { at: self.created_at, id: self.id.bytes() }
    }
}

/// A key's name as it is kept: without the spaces around it. None when nothing is left, or too much.
#[must_use]
pub fn name(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|name| (1..=LONGEST_NAME).contains(&name.chars().count()))
}
