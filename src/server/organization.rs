//! `organization`: lists and shows organizations, also while a server is running, and deletes them while none is.

use std::sync::Arc;

use serde_json::json;
use tracing::info;

use super::{database::confirm, error::Error, lifecycle::Lifecycle, output};
use crate::{
    cli::{OrganizationCommand, OrganizationDeleteArgs, OrganizationListArgs, OrganizationShowArgs},
    clock::SystemClock,
    domain::{clock, id::OrganizationId},
    service::audit,
    store::{self, DatabaseLock, OrganizationCounts, ServerLock, Store},
};

/// Runs the command.
pub(super) async fn run(command: OrganizationCommand) -> Result<(), Error> {
    match command {
        OrganizationCommand::List(args) => list(args).await,
        OrganizationCommand::Show(args) => show(args).await,
        OrganizationCommand::Delete(args) => delete(args).await,
    }
}

async fn list(args: OrganizationListArgs) -> Result<(), Error> {
    let OrganizationListArgs { json, database } = args;
    on(&database.config()?, async |store| {
        let mut after = None;
        loop {
            let page = store.organizations(after.as_ref()).await?;
            for organization in &page {
                if let Some(counts) = store.count_organization(organization).await? {
                    output::line(if json { as_json(&counts) } else { as_line(&counts) })?;
                }
            }
            after = page.last().cloned();
            if after.is_none() {
                return Ok(());
            }
        }
    })
    .await
}

async fn show(args: OrganizationShowArgs) -> Result<(), Error> {
    let OrganizationShowArgs { id, json, database } = args;
    on(&database.config()?, async |store| {
        let counts = store.count_organization(&id).await?.ok_or(Error::NoSuchOrganization(id))?;
        output::line(if json { as_json(&counts) } else { as_lines(&counts) })
    })
    .await
}

fn as_json(counts: &OrganizationCounts) -> String {
    json!({
        "id": counts.organization.as_str(),
        "createdAt": clock::iso(counts.created_at),
        "apiKeys": counts.api_keys,
        "sessions": counts.sessions,
        "chats": counts.chats,
        "messages": counts.messages,
        "changes": counts.changes,
        "quarantinedEvents": counts.quarantined_events,
    })
    .to_string()
}

fn as_line(counts: &OrganizationCounts) -> String {
    let OrganizationCounts { organization, api_keys, sessions, chats, messages, .. } = counts;
    let created = clock::iso(counts.created_at);
    format!(
        "{organization}  created {created}  {api_keys} keys  {sessions} sessions  {chats} chats  {messages} messages"
    )
}

fn as_lines(counts: &OrganizationCounts) -> String {
    let rows = [
        ("organization", counts.organization.to_string()),
        ("created", clock::iso(counts.created_at)),
        ("API keys", counts.api_keys.to_string()),
        ("sessions", counts.sessions.to_string()),
        ("chats", counts.chats.to_string()),
        ("messages", counts.messages.to_string()),
        ("changes", counts.changes.to_string()),
        ("quarantined", counts.quarantined_events.to_string()),
    ];
    rows.map(|(name, value)| format!("{name:<13}  {value}")).join("\n")
}

async fn delete(args: OrganizationDeleteArgs) -> Result<(), Error> {
    let OrganizationDeleteArgs { id, yes, database } = args;
    let database = database.config()?;
    // The store is opened before the lock, so that a missing database gets no lock file.
    let store = Store::open_existing(&database, Arc::new(SystemClock), &Lifecycle::default().tasks).await?;
    let deleted = async {
        let (_hold, _lock) = (DatabaseLock::take(&database)?, ServerLock::take(&database).await?);
        let Some(counts) = store.count_organization(&id).await? else {
            return Err(Error::NoSuchOrganization(id.clone()));
        };
        if !yes {
            confirm(&format!("{}\nDelete all of it permanently? Answer yes or no: ", as_lines(&counts)))?;
        }
        while store.delete_some_of(&id).await? {}
        // Rows that were deleted earlier but not yet purged can belong to this organization, too.
        while store.purge_batch().await? {}
        Ok(counts)
    };
    let deleted = deleted.await;
    store.close().await?;
    let counts = deleted?;
    audit::record_operator("organization.delete", &id, &id);
    info!(sessions = counts.sessions, chats = counts.chats, "Organization deleted");
    Ok(())
}

/// Checks that the organization exists.
///
/// # Errors
/// [`Error::NoSuchOrganization`] if it does not.
pub(super) async fn require_organization(store: &Store, organization: &OrganizationId) -> Result<(), Error> {
    if store.has_organization(organization).await? {
        Ok(())
    } else {
        Err(Error::NoSuchOrganization(organization.clone()))
    }
}

/// Runs `work` on the database, then closes it.
pub(super) async fn on<T>(
    database: &store::Config,
    work: impl AsyncFnOnce(&Store) -> Result<T, Error>,
) -> Result<T, Error> {
    let store = Store::open_existing(database, Arc::new(SystemClock), &Lifecycle::default().tasks).await?;
    let done = work(&store).await;
    store.close().await?;
    done
}
