//! `master-key`: keys for encryption at rest.

use clap::{Args, Subcommand};

use crate::store::{DatabaseArgs, MasterKeyArgs, MasterKeyId};

/// `master-key`
#[derive(Debug, Subcommand)]
pub enum MasterKeyCommand {
    /// Generate a master key and print it; put it in a file for --master-key-file
    New,
    /// Count the secrets in the database by the key that they are encrypted with
    Status(MasterKeyStatusArgs),
    /// Re-encrypt all secrets with the first key. Can run while a server is running, if that server has the same keys.
    /// An interrupted run continues the next time
    Rotate(MasterKeyRotateArgs),
    /// Discard a lost key, while no server is running. Deletes the WhatsApp credentials of every session that needs the
    /// key; these sessions must be paired again
    Forget(MasterKeyForgetArgs),
}

/// `master-key status`
#[derive(Debug, Args)]
pub struct MasterKeyStatusArgs {
    /// Database options.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `master-key rotate`
#[derive(Debug, Args)]
pub struct MasterKeyRotateArgs {
    /// Master keys.
    #[command(flatten)]
    pub keys: MasterKeyArgs,
    /// Database options.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `master-key forget`
#[derive(Debug, Args)]
pub struct MasterKeyForgetArgs {
    /// The key's id, as the server and `master-key status` print it
    #[arg(value_name = "KEY")]
    pub id: MasterKeyId,
    /// Database options.
    #[command(flatten)]
    pub database: DatabaseArgs,
}
