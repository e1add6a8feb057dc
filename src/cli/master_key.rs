//! `master-key`: keys for encryption at rest.

use std::path::PathBuf;

use clap::Args;
use clap::Subcommand;

use crate::store::MasterKeyId;

use super::DatabaseArgs;

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

/// Master key options.
#[derive(Debug, Args)]
#[command(next_help_heading = "Secrets at rest")]
pub struct MasterKeyArgs {
    /// File with the master keys that encrypt the sessions' secrets in the database, one per line. Generate a key with
    /// `chatgraph master-key new` or `openssl rand -base64 32`. The first key encrypts, all keys decrypt. With a line
    /// `plain` before the first key, new secrets are not encrypted
    #[arg(long, env = "CHATGRAPH_MASTER_KEY_FILE", value_name = "FILE")]
    pub master_key_file: Option<PathBuf>,
    /// The master keys, separated by commas. Other users of the machine can see the command line, so pass them in the
    /// variable
    // Without the variable's value in --help: it is a secret.
    #[arg(long, env = "CHATGRAPH_MASTER_KEY", hide_env_values = true, value_name = "KEYS")]
    pub master_key: Option<String>,
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
