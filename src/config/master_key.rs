//! Master keys, for encryption at rest.

use std::fmt;
use std::fs;

use crate::cli::MasterKeyArgs;
use crate::cli::MasterKeyForgetArgs;
use crate::cli::MasterKeyRotateArgs;
use crate::store::MasterKeyId;
use crate::store::MasterKeys;

use super::Database;
use super::Error;

/// Configuration of `master-key rotate`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterKeyRotate {
    /// The keys.
    pub keys: MasterKeys,
    /// The database.
    pub database: Database,
}

/// Configuration of `master-key forget`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterKeyForget {
    /// The key.
    pub id: MasterKeyId,
    /// The database.
    pub database: Database,
}

/// Returns the master keys, from the variable, the flag or the file; `None` if no option is set. Errors never contain
/// key material.
pub(super) fn master_keys(args: MasterKeyArgs) -> Result<Option<MasterKeys>, Error> {
    match (args.master_key_file, args.master_key) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(Error::new("master-key-file", "cannot be used together with --master-key")),
        (None, Some(keys)) => keys.parse().map(Some).map_err(|error| Error::new("master-key", format!("{error}"))),
        (Some(file), None) => {
            let wrong =
                |cause: &dyn fmt::Display| Error::new("master-key-file", format!("{}: {cause}", file.display()));
            let keys = fs::read_to_string(&file).map_err(|cause| wrong(&cause))?;
            keys.parse().map(Some).map_err(|error| wrong(&error))
        }
    }
}

impl TryFrom<MasterKeyRotateArgs> for MasterKeyRotate {
    type Error = Error;

    fn try_from(args: MasterKeyRotateArgs) -> Result<Self, Error> {
        let keys = master_keys(args.keys)?;
        let keys = keys.ok_or_else(|| Error::new("master-key-file", "is required, or CHATGRAPH_MASTER_KEY"))?;
        Ok(Self { keys, database: args.database.try_into()? })
    }
}

impl TryFrom<MasterKeyForgetArgs> for MasterKeyForget {
    type Error = Error;

    fn try_from(args: MasterKeyForgetArgs) -> Result<Self, Error> {
        Ok(Self { id: args.id, database: args.database.try_into()? })
    }
}
