//! `master-key`: works on the database, mostly beside a running server.

use crate::cli::MasterKeyCommand;
use crate::config;
use crate::store;
use crate::store::MasterKeyId;
use crate::store::Rotated;

use super::output;
use super::run::Error;

/// Carries out the command.
pub(super) async fn carry_out(command: MasterKeyCommand) -> Result<(), Error> {
    match command {
        MasterKeyCommand::New => {
            println!("{}", store::new_master_key());
            Ok(())
        }
        MasterKeyCommand::Status(args) => status(&args.database.try_into()?).await,
        MasterKeyCommand::Rotate(args) => rotate(&args.try_into()?).await,
        MasterKeyCommand::Forget(args) => forget(&args.try_into()?).await,
    }
}

async fn status(database: &config::Database) -> Result<(), Error> {
    for (key, count) in store::master_key_rows(database).await? {
        output::line(format_args!("{:<16}  {count}", named(key)))?;
    }
    Ok(())
}

async fn rotate(config: &config::MasterKeyRotate) -> Result<(), Error> {
    let Rotated { anew, before, unopened, is_final, .. } =
        store::rotate_master_key(&config.database, &config.keys).await?;
    let named = named(config.keys.seals_with());
    println!("{named}: {anew} secrets sealed anew, {before} were before");
    if !unopened.is_empty() {
        for (session, count) in &unopened {
            println!("{session}: {count} secrets do not open and were left as they are");
        }
        return Err(Error::Unopened);
    }
    if is_final {
        println!("No secret needs another key any more: take the others away, and start the server again");
    } else {
        println!("Meanwhile a server was started that seals otherwise: rotate once more");
    }
    Ok(())
}

async fn forget(config: &config::MasterKeyForget) -> Result<(), Error> {
    let sessions = store::forget_master_key(&config.database, config.id).await?;
    println!("{}: forgotten; {sessions} sessions have to be paired again", config.id);
    Ok(())
}

fn named(key: Option<MasterKeyId>) -> String {
    key.map_or_else(|| "plain".to_owned(), |id| id.to_string())
}
