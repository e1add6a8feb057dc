//! `organization`: whose chats there are.

use clap::Args;
use clap::Subcommand;

use crate::domain::id::OrganizationId;

use super::DatabaseArgs;

/// `organization`
#[derive(Debug, Subcommand)]
pub enum OrganizationCommand {
    /// List the organizations with how much there is of each; also while a server runs. Their first api-key or session
    /// creates them
    List(OrganizationListArgs),
    /// Show how much there is of one organization; also while a server runs
    Show(OrganizationShowArgs),
    /// Delete an organization permanently, with its api-keys, sessions, chats, messages and changes, while no server runs.
    /// Its devices stay linked on the phones: log the sessions out before
    Delete(OrganizationDeleteArgs),
}

/// `organization list`
#[derive(Debug, Args)]
pub struct OrganizationListArgs {
    /// Print one JSON object a line, for scripts
    #[arg(long)]
    pub json: bool,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `organization show`
#[derive(Debug, Args)]
pub struct OrganizationShowArgs {
    /// The organization's id, as `organization list` shows it
    #[arg(value_name = "ORGANIZATION")]
    pub id: OrganizationId,
    /// Print one JSON object, for scripts
    #[arg(long)]
    pub json: bool,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `organization delete`
#[derive(Debug, Args)]
pub struct OrganizationDeleteArgs {
    /// The organization's id, as `organization list` shows it
    #[arg(value_name = "ORGANIZATION")]
    pub id: OrganizationId,
    /// Delete without asking, in a script
    // Without a variable: one that is always set would confirm what was never asked.
    #[arg(long)]
    pub yes: bool,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
}
