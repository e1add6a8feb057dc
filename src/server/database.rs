//! `migrate`, `backup`, `restore` and `check`: commands that work on the database as a whole.

use std::io::IsTerminal as _;

use serde_json::json;
use tracing::info;

use super::{error::Error, output};
use crate::{
    cli::{BackupArgs, CheckArgs, MigrateArgs, Migration, RestoreArgs},
    clock::SystemClock,
    domain::clock::Clock as _,
    store,
};

/// Runs `migrate`.
pub(super) async fn migrate(args: MigrateArgs) -> Result<(), Error> {
    let database = args.database.config()?;
    match args.direction {
        Migration::Up => up(&database).await,
        Migration::Down => down(&database, args.yes).await,
        Migration::Status => status(&database).await,
        Migration::Restored => {
            store::reset_change_log(&database, SystemClock.now()).await?;
            output::line("Change log reset: cursors issued before the restore are now invalid (`cursor_expired`)")
        }
    }
}

/// Applies the pending migrations. Another process may have applied them meanwhile, so only the result is printed.
async fn up(database: &store::Config) -> Result<(), Error> {
    store::migrate_up(database).await?;
    match newest(database).await? {
        Some(step) => output::line(format_args!("The schema is up to date; the newest migration is {step}")),
        None => Ok(()),
    }
}

/// Reverts the newest migration after confirmation.
async fn down(database: &store::Config, confirmed: bool) -> Result<(), Error> {
    let Some(step) = newest(database).await? else {
        return output::line("No migration is applied; nothing was changed");
    };
    if !confirmed {
        confirm(&format!("Revert {step} of {database}? The data that it added is lost. Answer yes or no: "))?;
    }
    store::migrate_down(database).await?;
    output::line(format_args!("Reverted {step}"))
}

/// Lists the migrations, oldest first.
async fn status(database: &store::Config) -> Result<(), Error> {
    for (step, applied) in store::migrations(database).await? {
        output::line(format_args!("{step}  {}", if applied { "applied" } else { "pending" }))?;
    }
    Ok(())
}

/// Returns the name of the newest applied migration.
async fn newest(database: &store::Config) -> Result<Option<String>, Error> {
    let steps = store::migrations(database).await?;
    Ok(steps.into_iter().rfind(|(_, applied)| *applied).map(|(step, _)| step))
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
pub(super) async fn back_up(args: BackupArgs) -> Result<(), Error> {
    store::back_up(&args.sqlite()?, &args.file, SystemClock.now()).await?;
    info!(file = %args.file.display(), "Backup completed");
    Ok(())
}

/// Runs `restore`.
pub(super) async fn restore(args: RestoreArgs) -> Result<(), Error> {
    let database = args.sqlite()?;
    store::restore(&database, &args.file, args.overwrite, SystemClock.now()).await?;
    info!(database = %store::Config::Sqlite(database), "Restore completed");
    Ok(())
}

/// Runs `check`.
pub(super) async fn check(args: CheckArgs) -> Result<(), Error> {
    let database = args.database.config()?;
    let checked = store::check(&database).await?;
    let sound = checked.iter().all(|check| check.problems.is_empty());
    if args.json {
        let checks = checked.iter().map(|check| json!({"name": check.name, "problems": check.problems}));
        let (database, checks) = (database.to_string(), checks.collect::<Vec<_>>());
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
