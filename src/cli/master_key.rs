//! `master-key`: what secrets at rest are sealed with.

use std::path::PathBuf;

use clap::Args;
use clap::Subcommand;

use crate::store::MasterKeyId;

use super::DatabaseArgs;

/// `master-key`
#[derive(Debug, Subcommand)]
pub enum MasterKeyCommand {
    /// Make a master key and print it: put it in a file for --master-key-file
    New,
    /// Count the secrets in the database by the key that they are sealed with
    Status(MasterKeyStatusArgs),
    /// Seal all secrets anew with the first key, also while a server runs that was started with the same keys. Stopped in
    /// the middle, it goes on the next time
    Rotate(MasterKeyRotateArgs),
    /// Give up a lost key, while no server runs: forgets the link to WhatsApp of every session that needs it, which then has
    /// to be paired again
    Forget(MasterKeyForgetArgs),
}

/// The master keys.
#[derive(Debug, Args)]
#[command(next_help_heading = "Secrets at rest")]
pub struct MasterKeyArgs {
    /// File with the master keys that the secrets of sessions are sealed with in the database, one a line, as `chatgraph
    /// master-key new` or `openssl rand -base64 32` make them: the first seals, all open. With a line `plain` before the
    /// first, nothing is sealed any more
    #[arg(long, env = "CHATGRAPH_MASTER_KEY_FILE", value_name = "FILE")]
    pub master_key_file: Option<PathBuf>,
    /// The master keys themselves, with commas in between. Other users of the machine see the command line, so they belong
    /// into the variable
    // Without the variable's value in --help: it is a secret.
    #[arg(long, env = "CHATGRAPH_MASTER_KEY", hide_env_values = true, value_name = "KEYS")]
    pub master_key: Option<String>,
}

/// `master-key status`
#[derive(Debug, Args)]
pub struct MasterKeyStatusArgs {
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `master-key rotate`
#[derive(Debug, Args)]
pub struct MasterKeyRotateArgs {
    /// The keys.
    #[command(flatten)]
    pub keys: MasterKeyArgs,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `master-key forget`
#[derive(Debug, Args)]
pub struct MasterKeyForgetArgs {
    /// The key's id, as the server and `master-key status` tell it
    #[arg(value_name = "KEY")]
    pub id: MasterKeyId,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
}
