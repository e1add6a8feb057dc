//! `serve`: what a request may ask for.

use std::path::PathBuf;

use clap::Args;

/// What a request may ask for.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Names, values and signs that a document may have, 100 to 20000; each costs some microseconds to read
    #[arg(long, env = "CHATGRAPH_MAX_TOKENS", default_value_t = 1_500, value_parser = clap::value_parser!(u32).range(100..=20_000), value_name = "COUNT")]
    pub max_tokens: u32,
    /// How deep the fields of a document may be nested, 1 to 30; a tool's usual introspection needs 13
    #[arg(long, env = "CHATGRAPH_MAX_DEPTH", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=30), value_name = "LEVELS")]
    pub max_depth: u32,
    /// Fields that a document may have, those of a fragment wherever it is spread, 1 to 100000
    #[arg(long, env = "CHATGRAPH_MAX_FIELDS", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=100_000), value_name = "COUNT")]
    pub max_fields: u32,
    /// Aliases that a document may have, those of a fragment wherever it is spread, 0 to 100000
    #[arg(long, env = "CHATGRAPH_MAX_ALIASES", default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=100_000), value_name = "COUNT")]
    pub max_aliases: u32,
    /// What an operation may cost: 1 a field, times the page (`first` or `last`) of every list around it, and 100 to 1000 a
    /// mutation; 1 to 1000000000
    #[arg(long, env = "CHATGRAPH_MAX_COST", default_value_t = 50_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000), value_name = "COST")]
    pub max_cost: u64,
    /// What one caller (an api-key, or a person with login tokens) may ask for in a minute, in the cost of its operations
    /// and of its subscriptions' events, 0 to 1000000000000; 0 for no limit. A rejected document costs its length in bytes
    #[arg(long, env = "CHATGRAPH_RATE_LIMIT_COST_PER_MINUTE", default_value_t = 6_000_000, value_parser = clap::value_parser!(u64).range(0..=1_000_000_000_000), value_name = "COST")]
    pub rate_limit_cost_per_minute: u64,
    /// What one caller may ask for at once, before it has to wait, 1 to 1000000000000. The last operation may overdraw it
    #[arg(long, env = "CHATGRAPH_RATE_LIMIT_BURST", default_value_t = 1_200_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000_000), value_name = "COST")]
    pub rate_limit_burst: u64,
    /// What all callers of an organization together may ask for in a minute, 0 to 1000000000000; 0 for no limit. Four
    /// times what one caller may, unless given
    #[arg(long, env = "CHATGRAPH_ORGANIZATION_RATE_LIMIT_COST_PER_MINUTE", value_parser = clap::value_parser!(u64).range(0..=1_000_000_000_000), value_name = "COST")]
    pub organization_rate_limit_cost_per_minute: Option<u64>,
    /// What all callers of an organization together may ask for at once, 1 to 1000000000000. Four times what one caller
    /// may, unless given
    #[arg(long, env = "CHATGRAPH_ORGANIZATION_RATE_LIMIT_BURST", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000_000), value_name = "COST")]
    pub organization_rate_limit_burst: Option<u64>,
    /// WebSockets that an organization may have open, 1 to 1000000
    #[arg(long, env = "CHATGRAPH_MAX_SOCKETS_PER_ORGANIZATION", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "COUNT")]
    pub max_sockets_per_organization: u32,
    /// Subscriptions that an organization may have open, on whatever transport, 1 to 1000000
    #[arg(long, env = "CHATGRAPH_MAX_SUBSCRIPTIONS_PER_ORGANIZATION", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "COUNT")]
    pub max_subscriptions_per_organization: u32,
    /// Sessions that an organization may have, 1 to 100000
    #[arg(long, env = "CHATGRAPH_MAX_SESSIONS_PER_ORGANIZATION", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000), value_name = "COUNT")]
    pub max_sessions_per_organization: u32,
    /// Api-keys that an organization may make through the API, 1 to 100000
    #[arg(long, env = "CHATGRAPH_MAX_API_KEYS_PER_ORGANIZATION", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000), value_name = "COUNT")]
    pub max_api_keys_per_organization: u32,
    /// Do not tell callers the schema, neither when they ask for it nor by names in errors
    #[arg(long, env = "CHATGRAPH_NO_INTROSPECTION", value_parser = clap::builder::FalseyValueParser::new())]
    pub no_introspection: bool,
    /// Carry out the documents of this file only: a JSON object of texts by the names that callers may use for them
    /// (as `extensions.persistedQuery.sha256Hash`). Without it, any document
    #[arg(long, env = "CHATGRAPH_TRUSTED_DOCUMENTS", value_name = "FILE")]
    pub trusted_documents: Option<PathBuf>,
}
