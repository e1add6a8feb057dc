//! `master-key`: commands on master keys. Most can run while a server is running.

use super::{error::Error, output};
use crate::{
    cli::{MasterKeyCommand, MasterKeyForgetArgs, MasterKeyRotateArgs},
    store::{self, MasterKeyId, Rotated},
};

/// Runs the command.
pub(super) async fn run(command: MasterKeyCommand) -> Result<(), Error> {
    match command {
        MasterKeyCommand::New => {
            println!("{}", store::new_master_key());
            Ok(())
        }
        MasterKeyCommand::Status(args) => status(&args.database.config()?).await,
        MasterKeyCommand::Rotate(args) => rotate(&args).await,
        MasterKeyCommand::Forget(args) => forget(&args).await,
    }
}

async fn status(database: &store::Config) -> Result<(), Error> {
    for (key, count) in store::master_key_rows(database).await? {
        output::line(format_args!("{:<16}  {count}", named(key)))?;
    }
    Ok(())
}

async fn rotate(args: &MasterKeyRotateArgs) -> Result<(), Error> {
    let keys = args.keys.required()?;
    let Rotated { anew, before, unopened, is_final, .. } =
        store::rotate_master_key(&args.database.config()?, &keys).await?;
    let named = named(keys.encryption_key());
    println!("{named}: {anew} secrets re-encrypted, {before} already encrypted with this key");
    if !unopened.is_empty() {
        for (session, count) in &unopened {
            println!("{session}: {count} secrets cannot be decrypted and were not changed");
        }
        return Err(Error::Unopened);
    }
    if is_final {
        println!("All secrets use this key: remove the other keys, and restart the server");
    } else {
        println!("A server with another first key was started meanwhile: run the rotation again");
    }
    Ok(())
}

async fn forget(args: &MasterKeyForgetArgs) -> Result<(), Error> {
    let sessions = store::forget_master_key(&args.database.config()?, args.id).await?;
    println!("{}: discarded; {sessions} sessions must be paired again", args.id);
    Ok(())
}

fn named(key: Option<MasterKeyId>) -> String {
    key.map_or_else(|| "plain".to_owned(), |id| id.to_string())
}
