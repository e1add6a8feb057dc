//! `organization`: the tenants.

use clap::{Args, Subcommand};

use crate::{domain::id::OrganizationId, store::DatabaseArgs};

/// `organization`
#[derive(Debug, Subcommand)]
pub enum OrganizationCommand {
    /// List the organizations with the number of their keys, sessions, chats and messages; also while a server is
    /// running. An organization is created by its first API key or session
    List(OrganizationListArgs),
    /// Show the counts of one organization; also while a server is running
    Show(OrganizationShowArgs),
    /// Delete an organization permanently, with its API keys, sessions, chats, messages and changes, while no server is
    /// running. Its devices stay linked on the phones, so log the sessions out first
    Delete(OrganizationDeleteArgs),
}

/// `organization list`
#[derive(Debug, Args)]
pub struct OrganizationListArgs {
    /// Print one JSON object per line, for scripts
    #[arg(long)]
    pub json: bool,
    /// Database options.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `organization show`
#[derive(Debug, Args)]
pub struct OrganizationShowArgs {
    /// The organization's id, as `organization list` prints it
    #[arg(value_name = "ORGANIZATION")]
    pub id: OrganizationId,
    /// Print one JSON object, for scripts
    #[arg(long)]
    pub json: bool,
    /// Database options.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `organization delete`
#[derive(Debug, Args)]
pub struct OrganizationDeleteArgs {
    /// The organization's id, as `organization list` prints it
    #[arg(value_name = "ORGANIZATION")]
    pub id: OrganizationId,
    /// Delete without confirmation, for scripts
    // No `env`: a variable that is always set would confirm every loss.
    #[arg(long)]
    pub yes: bool,
    /// Database options.
    #[command(flatten)]
    pub database: DatabaseArgs,
}
