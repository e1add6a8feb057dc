//! What `key` needs.

use std::path::PathBuf;

use crate::cli::Expiry;
use crate::cli::KeyArgs;
use crate::cli::KeyCreateArgs;
use crate::cli::KeyImportArgs;
use crate::cli::KeyListArgs;
use crate::cli::KeyRevokeArgs;
use crate::cli::KeyRotateArgs;
use crate::domain::capability::Capabilities;
use crate::domain::id::KeyId;
use crate::domain::id::OrganizationId;
use crate::domain::key;

use super::Database;
use super::Error;

/// What a new key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// Whose key.
    pub organization: OrganizationId,
    /// What it is called.
    pub name: String,
    /// What it may do.
    pub permissions: Capabilities,
    /// When it ends; never when there is none.
    pub expiry: Option<Expiry>,
    /// The database.
    pub database: Database,
}

/// What `key import` needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyImport {
    /// The key.
    pub key: NewKey,
    /// Where the token is; on standard input when there is none.
    pub token_file: Option<PathBuf>,
}

/// What `key list` needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyList {
    /// Whose keys.
    pub organization: OrganizationId,
    /// The database.
    pub database: Database,
}

/// What `key rotate` needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRotate {
    /// Which key.
    pub id: KeyId,
    /// Whose key.
    pub organization: OrganizationId,
    /// When the last secret ends; at once if `None`.
    pub grace: Option<Expiry>,
    /// The database.
    pub database: Database,
}

impl KeyRotate {
    /// When the last secret ends (inclusive) if the key is rotated at `now`, both in milliseconds.
    ///
    /// # Errors
    /// If that is over already.
    pub fn previous_until(&self, now: i64) -> Result<Option<i64>, Error> {
        ends_at(self.grace, "grace", now)
    }
}

/// What `key revoke` needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRevoke {
    /// Which key.
    pub id: KeyId,
    /// Whose key.
    pub organization: OrganizationId,
    /// The database.
    pub database: Database,
}

impl NewKey {
    /// When the key ends (inclusive) that is made at `now`, both in milliseconds.
    ///
    /// # Errors
    /// When that is over already.
    pub fn expires_at(&self, now: i64) -> Result<Option<i64>, Error> {
        ends_at(self.expiry, "expires", now)
    }
}

fn ends_at(expiry: Option<Expiry>, flag: &'static str, now: i64) -> Result<Option<i64>, Error> {
    match expiry {
        None => Ok(None),
        Some(Expiry::In(time_ms)) => Ok(Some(now + time_ms)),
        Some(Expiry::At(at)) if at >= now => Ok(Some(at)),
        Some(Expiry::At(_)) => Err(Error::new(flag, "has passed")),
    }
}

impl TryFrom<KeyArgs> for NewKey {
    type Error = Error;

    fn try_from(args: KeyArgs) -> Result<Self, Error> {
        let wrong = || Error::new("name", format!("must have 1 to {} characters", key::LONGEST_NAME));
        let name = key::name(&args.name).ok_or_else(wrong)?;
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
