//! Configuration of the `key` commands.

use std::path::PathBuf;

use crate::cli::Expiry;
use crate::cli::KeyArgs;
use crate::cli::KeyCreateArgs;
use crate::cli::KeyImportArgs;
use crate::cli::KeyListArgs;
use crate::cli::KeyRevokeArgs;
use crate::cli::KeyRotateArgs;
use crate::domain::api_key;
use crate::domain::capability::Capabilities;
use crate::domain::id::KeyId;
use crate::domain::id::OrganizationId;

use super::Database;
use super::Error;

/// A new key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// The organization that the key belongs to.
    pub organization: OrganizationId,
    /// Display name.
    pub name: String,
    /// Permissions.
    pub permissions: Capabilities,
    /// Expiry; `None` if the key never expires.
    pub expiry: Option<Expiry>,
    /// The database.
    pub database: Database,
}

/// Configuration of `key import`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyImport {
    /// The key.
    pub key: NewKey,
    /// The file that contains the token; standard input if `None`.
    pub token_file: Option<PathBuf>,
}

/// Configuration of `key list`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyList {
    /// The organization whose keys to list.
    pub organization: OrganizationId,
    /// The database.
    pub database: Database,
}

/// Configuration of `key rotate`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRotate {
    /// The key.
    pub id: KeyId,
    /// The organization that the key belongs to.
    pub organization: OrganizationId,
    /// Expiry of the previous secret; at once if `None`.
    pub grace: Option<Expiry>,
    /// The database.
    pub database: Database,
}

impl KeyRotate {
    /// Returns the expiry of the previous secret (inclusive) if the key is rotated at `now`. Both times are in
    /// milliseconds.
    ///
    /// # Errors
    /// If the expiry is before `now`.
    pub fn previous_until(&self, now: i64) -> Result<Option<i64>, Error> {
        ends_at(self.grace, "grace", now)
    }
}

/// Configuration of `key revoke`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRevoke {
    /// The key.
    pub id: KeyId,
    /// The organization that the key belongs to.
    pub organization: OrganizationId,
    /// The database.
    pub database: Database,
}

impl NewKey {
    /// Returns the expiry (inclusive) of a key that is created at `now`. Both times are in milliseconds.
    ///
    /// # Errors
    /// If the expiry is before `now`.
    pub fn expires_at(&self, now: i64) -> Result<Option<i64>, Error> {
        ends_at(self.expiry, "expires", now)
    }
}

fn ends_at(expiry: Option<Expiry>, flag: &'static str, now: i64) -> Result<Option<i64>, Error> {
    match expiry {
        None => Ok(None),
        Some(Expiry::In(time_ms)) => Ok(Some(now + time_ms)),
        Some(Expiry::At(at)) if at >= now => Ok(Some(at)),
        Some(Expiry::At(_)) => Err(Error::new(flag, "must be in the future")),
    }
}

impl TryFrom<KeyArgs> for NewKey {
    type Error = Error;

    fn try_from(args: KeyArgs) -> Result<Self, Error> {
        let wrong = || Error::new("name", format!("expected 1 to {} characters", api_key::MAX_NAME_LEN));
        let name = api_key::name(&args.name).ok_or_else(wrong)?;
        Ok(Self {
            organization: args.organization,
            name: name.to_owned(),
            permissions: args.permission.into_iter().collect(),
            expiry: args.expires,
            database: args.database.try_into()?,
        })
    }
}

impl TryFrom<KeyCreateArgs> for NewKey {
    type Error = Error;

    fn try_from(args: KeyCreateArgs) -> Result<Self, Error> {
        args.key.try_into()
    }
}

impl TryFrom<KeyImportArgs> for KeyImport {
    type Error = Error;

    fn try_from(args: KeyImportArgs) -> Result<Self, Error> {
        Ok(Self { key: args.key.try_into()?, token_file: args.token_file })
    }
}

impl TryFrom<KeyListArgs> for KeyList {
    type Error = Error;

    fn try_from(args: KeyListArgs) -> Result<Self, Error> {
        Ok(Self { organization: args.organization, database: args.database.try_into()? })
    }
}

impl TryFrom<KeyRotateArgs> for KeyRotate {
    type Error = Error;

    fn try_from(args: KeyRotateArgs) -> Result<Self, Error> {
        let database = args.database.try_into()?;
        Ok(Self { id: args.id, organization: args.organization, grace: args.grace, database })
    }
}

impl TryFrom<KeyRevokeArgs> for KeyRevoke {
    type Error = Error;

    fn try_from(args: KeyRevokeArgs) -> Result<Self, Error> {
        Ok(Self { id: args.id, organization: args.organization, database: args.database.try_into()? })
    }
}
