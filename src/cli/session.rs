//! `session`: the linked numbers.

use clap::{Args, Subcommand};

use crate::{domain::id::OrganizationId, store::DatabaseArgs};

/// `session`
#[derive(Debug, Subcommand)]
pub enum SessionCommand {
    /// List the sessions with their status, by organization and age; also while a server is running
    List(SessionListArgs),
}

/// `session list`
#[derive(Debug, Args)]
pub struct SessionListArgs {
    /// Only sessions of this organization
    #[arg(long, env = "CHATGRAPH_ORGANIZATION", value_name = "ID")]
    pub organization: Option<OrganizationId>,
    /// Print one JSON object per line, for scripts
    #[arg(long)]
    pub json: bool,
    /// Database options.
    #[command(flatten)]
    pub database: DatabaseArgs,
}
