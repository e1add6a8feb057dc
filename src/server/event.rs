//! `events`: commands on quarantined events, also while a server is running.

use std::sync::Arc;

use serde_json::json;

use super::{error::Error, lifecycle::Lifecycle, organization::require_organization, output};
use crate::{
    cli::{EventCommand, EventDeleteArgs, EventListArgs, EventRetryArgs},
    clock::SystemClock,
    domain::{
        clock,
        id::{OrganizationId, SessionId},
    },
    store::{self, QuarantinedEvent, Store},
};

/// Runs the command.
pub(super) async fn run(command: EventCommand) -> Result<(), Error> {
    match command {
        EventCommand::List(args) => list(args).await,
        EventCommand::Retry(args) => retry(args).await,
        EventCommand::Delete(args) => delete(args).await,
    }
}

async fn list(args: EventListArgs) -> Result<(), Error> {
    let EventListArgs { organization, session, json, database } = args;
    on(database.config()?, async |store| {
        if let Some(organization) = &organization {
            require_organization(store, organization).await?;
        }
        if let Some(session) = session
            && !store.has_session(session).await?
        {
            return Err(Error::NoSuchSession(session));
        }
        print(store, organization.as_ref(), session, json).await
    })
    .await
}

async fn print(
    store: &Store,
    organization: Option<&OrganizationId>,
    session: Option<SessionId>,
    json: bool,
) -> Result<(), Error> {
    if !json {
        let head = ("event", "received", "session", "kind");
        output::line(format_args!("{:<30}  {:<24}  {:<30}  {:<16}  attempts  reason", head.0, head.1, head.2, head.3))?;
    }
    let mut after = None;
    loop {
        let page = store.quarantined_events(organization, session, after).await?;
        for event in &page {
            output::line(if json { as_json(event) } else { as_line(event) })?;
        }
        after = page.last().map(|event| event.id);
        if after.is_none() {
            return Ok(());
        }
    }
}

fn as_json(event: &QuarantinedEvent) -> String {
    json!({
        "id": event.id.to_string(),
        "organization": event.organization.as_str(),
        "session": event.session.to_string(),
        "kind": event.kind,
        "reason": event.reason,
        "attempts": event.attempts,
        "receivedAt": clock::iso(event.received_at),
        "isImport": event.is_import,
        "version": event.version,
        "retryRequested": event.retry_at.is_some(),
    })
    .to_string()
}

fn as_line(event: &QuarantinedEvent) -> String {
    // Control characters could affect a terminal.
    let reason: String = event.reason.chars().filter(|character| !character.is_control()).collect();
    let retry = if event.retry_at.is_some() { "  (retry requested)" } else { "" };
    format!(
        "{}  {:<24}  {}  {:<16}  {:>8}  {reason}{retry}",
        event.id,
        clock::iso(event.received_at),
        event.session,
        event.kind,
        event.attempts,
    )
}

async fn retry(args: EventRetryArgs) -> Result<(), Error> {
    let EventRetryArgs { id, database } = args;
    let count = on(database.config()?, async |store| Ok(store.request_retry(id).await?)).await?;
    match id {
        Some(id) if count == 0 => Err(Error::NoSuchEvent(id)),
        _ => {
            println!("{count} events will be retried: now if a server is running, otherwise at the next start");
            Ok(())
        }
    }
}

async fn delete(args: EventDeleteArgs) -> Result<(), Error> {
    let EventDeleteArgs { id, database } = args;
    on(database.config()?, async |store| {
        let found = store.quarantined_event(id).await?.ok_or(Error::NoSuchEvent(id))?;
        if store.delete_quarantined(&found).await? { Ok(()) } else { Err(Error::NoSuchEvent(id)) }
    })
    .await
}

/// Runs `work` on the database, then closes it.
async fn on<T>(database: store::Config, work: impl AsyncFnOnce(&Store) -> Result<T, Error>) -> Result<T, Error> {
    let store = Store::open_existing(&database, Arc::new(SystemClock), &Lifecycle::default().tasks).await?;
    let done = work(&store).await;
    store.close().await?;
    done
}
