//! API keys, without their secrets.

use super::{
    capability::Capabilities,
    cursor::TimeKey,
    id::{KeyId, OrganizationId},
};

/// Maximum length of a name in characters.
pub const MAX_NAME_LEN: usize = 100;

/// An API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The id.
    pub id: KeyId,
    /// The owning organization.
    pub organization: OrganizationId,
    /// Display name.
    pub name: String,
    /// The first characters of the secret.
    pub prefix: String,
    /// The permissions.
    pub permissions: Capabilities,
    /// Creation time in milliseconds.
    pub created_at: i64,
    /// Expiry time (inclusive) in milliseconds.
    pub expires_at: Option<i64>,
    /// Time of the last use in milliseconds, accurate to a minute.
    pub last_used_at: Option<i64>,
    /// The creator; `None` if the key was created before creators were recorded.
    pub created_by: Option<KeyCreator>,
    /// Expiry time (inclusive) in milliseconds of the secret before the last rotation; `None` if it expired with the
    /// rotation.
    pub previous_until: Option<i64>,
}

/// The creator of an API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyCreator {
    /// An API key, which may have been revoked since.
    ApiKey(KeyId),
    /// A user, by the subject of their login token.
    User(String),
    /// The operator, on the command line.
    Operator,
}

impl ApiKey {
    /// The key's position in its organization's list.
    #[must_use]
    pub fn key(&self) -> TimeKey {
        TimeKey { at: self.created_at, id: self.id.bytes() }
    }
}

/// Trims a key's name. `None` if nothing remains, or if it is too long.
#[must_use]
pub fn name(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|name| (1..=MAX_NAME_LEN).contains(&name.chars().count()))
}
