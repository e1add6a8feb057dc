//! `session`: commands on sessions, also while a server is running.

use serde_json::json;

use super::{
    error::Error,
    organization::{on, require_organization},
    output,
};
use crate::{
    cli::{SessionCommand, SessionListArgs},
    domain::{clock, id::OrganizationId, session::Session},
    store::Store,
};

/// Runs the command.
pub(super) async fn run(command: SessionCommand) -> Result<(), Error> {
    match command {
        SessionCommand::List(args) => list(args).await,
    }
}

async fn list(args: SessionListArgs) -> Result<(), Error> {
    let SessionListArgs { organization, json, database } = args;
    let database = database.config()?;
    on(&database, async |store| match organization {
        Some(organization) => {
            require_organization(store, &organization).await?;
            print(store, &organization, json).await
        }
        None => all(store, json).await,
    })
    .await
}

async fn all(store: &Store, json: bool) -> Result<(), Error> {
    let mut after = None;
    loop {
        let page = store.organizations(after.as_ref()).await?;
        for organization in &page {
            print(store, organization, json).await?;
        }
        after = page.last().cloned();
        if after.is_none() {
            return Ok(());
        }
    }
}

async fn print(store: &Store, organization: &OrganizationId, json: bool) -> Result<(), Error> {
    for session in store.all_sessions(organization).await? {
        output::line(if json { as_json(&session) } else { as_line(&session) })?;
    }
    Ok(())
}

/// Formats a session as JSON. The linked phone number is left out, because terminals and scripts do not need it.
fn as_json(session: &Session) -> String {
    let reason = session.status_reason.as_ref();
    json!({
        "organization": session.organization.as_str(),
        "id": session.id.to_string(),
        "label": session.label,
        "status": session.status.as_str(),
        "statusReason": reason.map(|reason| &reason.words),
        "statusCode": reason.map(|reason| reason.code.as_str()),
        "bannedUntil": reason.and_then(|reason| reason.banned_until).map(clock::iso),
        "createdAt": clock::iso(session.created_at),
        "lastConnectedAt": session.last_connected_at.map(clock::iso),
    })
    .to_string()
}

fn as_line(session: &Session) -> String {
    let connected = session.last_connected_at.map_or_else(|| "never".to_owned(), clock::iso);
    // The texts are last, because they can contain spaces. Control characters could affect a terminal.
    let reason = session.status_reason.as_ref().map(|reason| reason.words.as_str());
    let texts = [session.label.as_deref(), reason].map(Option::unwrap_or_default);
    let texts = texts.join("  ").chars().filter(|character| !character.is_control()).collect::<String>();
    let (status, id) = (session.status.as_str(), session.id);
    let line = format!("{}  {id}  {status:<12}  connected {connected:<24}  {texts}", session.organization);
    line.trim_end().to_owned()
}
