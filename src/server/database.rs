//! `migrate`, `backup`, `restore` and `check`: commands that work on the database as a whole.

use std::io::IsTerminal as _;

use serde_json::json;
use tracing::info;

use crate::cli::Migration;
use crate::clock::SystemClock;
use crate::config;
use crate::domain::clock::Clock as _;
use crate::store;

use super::commands::Error;
use super::output;

/// Runs `migrate`.
pub(super) async fn migrate(config: config::Migrate) -> Result<(), Error> {
    let database = config.database;
    match config.migration {
        Migration::Up => store::migrate_up(&database).await?,
        Migration::Down => down(&database, config.confirmed).await?,
        Migration::Status => {}
        Migration::Restored => store::reset_change_log(&database, SystemClock.now()).await?,
    }
    for (step, applied) in store::migrations(&database).await? {
        output::line(format_args!("{step}  {}", if applied { "applied" } else { "pending" }))?;
    }
    Ok(())
}

/// Reverts the newest migration after confirmation.
async fn down(database: &config::Database, confirmed: bool) -> Result<(), Error> {
    let steps = store::migrations(database).await?;
    let Some((step, _)) = steps.into_iter().rfind(|(_, applied)| *applied) else { return Ok(()) };
    if !confirmed {
        confirm(&format!("Revert {step} of {database}? The data that it added is lost. Answer yes or no: "))?;
    }
    Ok(store::migrate_down(database).await?)
}

/// Asks for confirmation on the terminal.
///
/// # Errors
/// [`Error::Unconfirmed`] without a terminal, [`Error::Declined`] unless the answer is yes.
pub(super) fn confirm(question: &str) -> Result<(), Error> {
    if !std::io::stdin().is_terminal() {
        return Err(Error::Unconfirmed);
    }
    eprint!("{question}");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(Error::Answer)?;
    if answer.trim() == "yes" { Ok(()) } else { Err(Error::Declined) }
}

/// Runs `backup`.
pub(super) async fn back_up(config: config::Backup) -> Result<(), Error> {
    store::back_up(&config.database, &config.file, SystemClock.now()).await?;
    info!(file = %config.file.display(), "Backup completed");
    Ok(())
}

/// Runs `restore`.
pub(super) async fn restore(config: config::Restore) -> Result<(), Error> {
    store::restore(&config.database, &config.file, config.overwrite, SystemClock.now()).await?;
    info!(database = %config::Database::Sqlite(config.database), "Restore completed");
    Ok(())
}

/// Runs `check`.
pub(super) async fn check(config: config::Check) -> Result<(), Error> {
    let checked = store::check(&config.database).await?;
    let sound = checked.iter().all(|check| check.problems.is_empty());
    if config.json {
        let checks = checked.iter().map(|check| json!({"name": check.name, "problems": check.problems}));
        let (database, checks) = (config.database.to_string(), checks.collect::<Vec<_>>());
        output::line(json!({"database": database, "sound": sound, "checks": checks}))?;
    } else {
        for check in &checked {
            let outcome = if check.problems.is_empty() { "ok" } else { "failed" };
            output::line(format_args!("{}  {outcome}", check.name))?;
            check.problems.iter().try_for_each(|problem| output::line(format_args!("  {problem}")))?;
        }
    }
    if sound { Ok(()) } else { Err(Error::Unsound) }
}
