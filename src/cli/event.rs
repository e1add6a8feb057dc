//! `events`: events that could not be applied to the database.

use clap::{Args, Subcommand};

use crate::{
    domain::id::{EventId, OrganizationId, SessionId},
    store::DatabaseArgs,
};

/// `events`
#[derive(Debug, Subcommand)]
pub enum EventCommand {
    /// List the quarantined events, oldest first, without their contents; also while a server is running
    List(EventListArgs),
    /// Request a retry of quarantined events. The running server applies them within seconds, or the next server after
    /// its start. Events that failed in an earlier version are retried automatically
    Retry(EventRetryArgs),
    /// Delete a quarantined event permanently; also while a server is running. An import that it belonged to stays
    /// incomplete
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
    /// Print one JSON object per line, for scripts
    #[arg(long)]
    pub json: bool,
    /// Database options.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `events retry`
#[derive(Debug, Args)]
pub struct EventRetryArgs {
    /// The event's id, as `events list` prints it. Without it, all quarantined events are retried
    #[arg(value_name = "EVENT")]
    pub id: Option<EventId>,
    /// Database options.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `events delete`
#[derive(Debug, Args)]
pub struct EventDeleteArgs {
    /// The event's id, as `events list` prints it
    #[arg(value_name = "EVENT")]
    pub id: EventId,
    /// Database options.
    #[command(flatten)]
    pub database: DatabaseArgs,
}
