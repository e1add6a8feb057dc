//! Configuration of the use cases: limits per organization, and retention.

use clap::{Args, builder::TypedValueParser as _};

use crate::{config, domain::clock::DAY_MS};

/// Limits per organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
#[command(next_help_heading = "Limits")]
#[group(skip)]
pub struct Limits {
    /// Maximum number of sessions per organization, 1 to 100000
    #[arg(long = "max-sessions-per-organization", env = "CHATGRAPH_MAX_SESSIONS_PER_ORGANIZATION", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000).map(u64::from), value_name = "COUNT")]
    pub sessions: u64,
    /// Maximum number of API keys per organization that can be created through the API, 1 to 100000
    #[arg(long = "max-api-keys-per-organization", env = "CHATGRAPH_MAX_API_KEYS_PER_ORGANIZATION", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000).map(u64::from), value_name = "COUNT")]
    pub api_keys: u64,
}

impl Default for Limits {
    fn default() -> Self {
        config::defaults()
    }
}

/// Retention limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
#[command(next_help_heading = "Retention and history")]
#[group(skip)]
pub struct RetentionConfig {
    /// Retention of changes, in days, 1 to 3650. A subscription can resume after an interruption of up to this time
    #[arg(long = "keep-changes-days", env = "CHATGRAPH_KEEP_CHANGES_DAYS", default_value = "7", value_parser = clap::value_parser!(u32).range(1..=3_650).map(|days| i64::from(days) * DAY_MS), value_name = "DAYS")]
    pub changes_ms: i64,
    /// Messages to keep per chat, the newest ones, 1 to 1000000
    #[arg(long = "keep-messages", env = "CHATGRAPH_KEEP_MESSAGES", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "COUNT")]
    pub messages: u32,
}

impl Default for RetentionConfig {
    fn default() -> Self {
        config::defaults()
    }
}
