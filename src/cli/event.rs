//! `events`: what could not be applied to the stored copy.

use clap::Args;
use clap::Subcommand;

use crate::domain::id::EventId;
use crate::domain::id::OrganizationId;
use crate::domain::id::SessionId;

use super::DatabaseArgs;

/// `events`
#[derive(Debug, Subcommand)]
pub enum EventCommand {
    /// List the events in quarantine, oldest first, without what is in them; also while a server runs
    List(EventListArgs),
    /// Request that events in quarantine are applied: the running server does it within seconds, or the next one that is
    /// started. Events that an earlier version could not apply are retried by themselves
    Retry(EventRetryArgs),
    /// Delete an event in quarantine permanently; also while a server runs. An import that it belonged to stays incomplete
    Delete(EventDeleteArgs),
}

/// `events list`
#[derive(Debug, Args)]
pub struct EventListArgs {
    /// Only events of this organization's sessions
    #[arg(long, env = "CHATGRAPH_ORGANIZATION", value_name = "ID")]
    pub organization: Option<OrganizationId>,
    /// Only events of this session
    #[arg(long, value_name = "ID")]
    pub session: Option<SessionId>,
    /// Print one JSON object a line, for scripts
    #[arg(long)]
    pub json: bool,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `events retry`
#[derive(Debug, Args)]
pub struct EventRetryArgs {
    /// The event's id, as `events list` shows it; all of them if left out
    #[arg(value_name = "EVENT")]
    pub id: Option<EventId>,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `events delete`
#[derive(Debug, Args)]
pub struct EventDeleteArgs {
    /// The event's id, as `events list` shows it
    #[arg(value_name = "EVENT")]
    pub id: EventId,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
}
