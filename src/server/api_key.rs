//! `key`: commands on API keys, also while a server is running.

use std::{io::Read as _, path::Path, sync::Arc};

use super::{error::Error, lifecycle::Lifecycle, organization::require_organization, output};
use crate::{
    auth::{api_key_secret, authenticator::Authenticator, imported_token},
    cli::{KeyArgs, KeyCommand, KeyImportArgs, KeyListArgs, KeyRevokeArgs, KeyRotateArgs},
    clock::SystemClock,
    domain::{
        api_key::{ApiKey, KeyCreator},
        capability::Capability,
        clock::{self, Clock},
        id::{KeyId, OrganizationId},
    },
    service::{
        api_key::{self, ApiKeys},
        audit,
    },
    store::{self, Store},
};

/// Bytes to read from a token file: more than a valid token has.
const MAX_FILE_LEN: u64 = 4096;

/// Runs the command.
pub(super) async fn run(command: KeyCommand) -> Result<(), Error> {
    match command {
        KeyCommand::Create(args) => create(&args.key).await,
        KeyCommand::Import(args) => import(&args).await,
        KeyCommand::List(args) => list(&args).await,
        KeyCommand::Rotate(args) => rotate(args).await,
        KeyCommand::Revoke(args) => revoke(args).await,
    }
}

/// Creates a key and prints its secret, which cannot be shown again.
async fn create(args: &KeyArgs) -> Result<(), Error> {
    let (name, database) = (args.name()?, args.database.config()?);
    let secret = api_key_secret::generate();
    insert(args, name, &database, &secret).await?;
    println!("{secret}");
    Ok(())
}

async fn import(args: &KeyImportArgs) -> Result<(), Error> {
    let (name, database) = (args.key.name()?, args.key.database.config()?);
    let file = args.token_file.as_deref();
    let from = || file.map_or_else(|| "standard input".to_owned(), |file| file.display().to_string());
    let content = read(file).map_err(|source| Error::TokenFile { from: from(), source })?;
    let id = insert(&args.key, name, &database, imported_token::parse(&content)?).await?;
    println!("{id}");
    Ok(())
}

/// Reads the token file. A file that is not UTF-8 is rejected later as an invalid token.
fn read(file: Option<&Path>) -> std::io::Result<String> {
    let mut content = Vec::new();
    match file {
        Some(path) => std::fs::File::open(path)?.take(MAX_FILE_LEN).read_to_end(&mut content)?,
        None => std::io::stdin().take(MAX_FILE_LEN).read_to_end(&mut content)?,
    };
    Ok(String::from_utf8_lossy(&content).into_owned())
}

async fn insert(args: &KeyArgs, name: &str, database: &store::Config, secret: &str) -> Result<KeyId, Error> {
    let (expires_at, permissions) = (args.expires_at(SystemClock.now())?, args.permission.iter().copied().collect());
    let new = api_key::NewApiKey { name: name.to_owned(), permissions, expires_at };
    let store = Store::open(database, Arc::new(SystemClock), &Lifecycle::default().tasks).await?;
    on(&store, async |keys| {
        if keys.is_taken(secret).await? {
            return Err(Error::TokenTaken);
        }
        let id = keys.issue(&args.organization, new, KeyCreator::Operator, secret).await?.id;
        audit::record_operator("key.create", &args.organization, id);
        Ok(id)
    })
    .await
}

async fn list(args: &KeyListArgs) -> Result<(), Error> {
    let store =
        Store::open_existing(&args.database.config()?, Arc::new(SystemClock), &Lifecycle::default().tasks).await?;
    let keys = on(&store, async |keys| {
        require_organization(&store, &args.organization).await?;
        Ok(keys.of(&args.organization).await?)
    })
    .await?;
    for key in &keys {
        let permissions: Vec<_> = key.permissions.iter().map(Capability::as_str).collect();
        let until = key.expires_at.map_or_else(|| "never".to_owned(), clock::iso);
        let used = key.last_used_at.map_or_else(|| "never".to_owned(), clock::iso);
        // The name is last, because it can contain spaces.
        output::line(format_args!(
            "{}  {}…  {:<23}  created {} by {}  expires {until:<24}  last used {used:<24}  {}",
            key.id,
            key.prefix,
            permissions.join(","),
            clock::iso(key.created_at),
            creator(key, &keys),
            printable(&key.name),
        ))?;
    }
    Ok(())
}

/// Formats the creator of a key, and whether it is a revoked key.
fn creator(key: &ApiKey, keys: &[ApiKey]) -> String {
    match &key.created_by {
        None => "unknown".to_owned(),
        Some(KeyCreator::Operator) => "operator".to_owned(),
        Some(KeyCreator::User(id)) => format!("user {}", printable(id)),
        Some(KeyCreator::ApiKey(id)) if keys.iter().any(|key| key.id == *id) => id.to_string(),
        Some(KeyCreator::ApiKey(id)) => format!("{id} (revoked)"),
    }
}

/// Removes control characters, which could affect a terminal.
fn printable(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).collect()
}

/// Replaces a key's secret and prints the new one, which cannot be shown again.
async fn rotate(args: KeyRotateArgs) -> Result<(), Error> {
    let database = args.database.config()?;
    let previous_until = args.previous_until(SystemClock.now())?;
    let secret = api_key_secret::generate();
    let store = Store::open_existing(&database, Arc::new(SystemClock), &Lifecycle::default().tasks).await?;
    let rotated =
        on(&store, async |keys| Ok(keys.rotate(&args.organization, args.id, &secret, previous_until).await?));
    if !rotated.await? {
        return Err(no_such_key(args.id, args.organization));
    }
    audit::record_operator("key.rotate", &args.organization, args.id);
    println!("{secret}");
    Ok(())
}

async fn revoke(args: KeyRevokeArgs) -> Result<(), Error> {
    let store =
        Store::open_existing(&args.database.config()?, Arc::new(SystemClock), &Lifecycle::default().tasks).await?;
    if on(&store, async |keys| Ok(keys.remove(&args.organization, args.id).await?)).await? {
        audit::record_operator("key.revoke", &args.organization, args.id);
        Ok(())
    } else {
        Err(no_such_key(args.id, args.organization))
    }
}

fn no_such_key(id: KeyId, organization: OrganizationId) -> Error {
    Error::NoSuchKey { id, organization }
}

/// Runs `work` on the keys, then closes the database.
async fn on<T>(store: &Store, work: impl AsyncFnOnce(ApiKeys) -> Result<T, Error>) -> Result<T, Error> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let keys = ApiKeys::new(store.clone(), Authenticator::new(store.clone(), None, Arc::clone(&clock)), clock);
    let done = work(keys).await;
    store.close().await?;
    done
}
