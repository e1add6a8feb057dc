//! `serve`: request limits.

use std::path::PathBuf;

use clap::Args;

/// Request limits.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Maximum number of tokens (names, values and punctuators) in a document, 100 to 20000. Each takes some
    /// microseconds to parse
    #[arg(long, env = "CHATGRAPH_MAX_TOKENS", default_value_t = 1_500, value_parser = clap::value_parser!(u32).range(100..=20_000), value_name = "COUNT")]
    pub max_tokens: u32,
    /// Maximum nesting depth of the fields in a document, 1 to 30. The usual introspection query needs 13
    #[arg(long, env = "CHATGRAPH_MAX_DEPTH", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=30), value_name = "LEVELS")]
    pub max_depth: u32,
    /// Maximum number of fields in a document, 1 to 100000. The fields of a fragment count each time it is spread
    #[arg(long, env = "CHATGRAPH_MAX_FIELDS", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=100_000), value_name = "COUNT")]
    pub max_fields: u32,
    /// Maximum number of aliases in a document, 0 to 100000. The aliases of a fragment count each time it is spread
    #[arg(long, env = "CHATGRAPH_MAX_ALIASES", default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=100_000), value_name = "COUNT")]
    pub max_aliases: u32,
    /// Maximum cost of an operation, 1 to 1000000000. A field costs 1, multiplied by the page size (`first` or `last`)
    /// of every list around it; a mutation costs 100 to 1000
    #[arg(long, env = "CHATGRAPH_MAX_COST", default_value_t = 50_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000), value_name = "COST")]
    pub max_cost: u64,
    /// Rate limit per client (an API key, or a user with login tokens), in cost per minute, 0 to 1000000000000; 0
    /// disables it. Operations and subscription events both count. A rejected document costs its length in bytes
    #[arg(long, env = "CHATGRAPH_RATE_LIMIT_COST_PER_MINUTE", default_value_t = 6_000_000, value_parser = clap::value_parser!(u64).range(0..=1_000_000_000_000), value_name = "COST")]
    pub rate_limit_cost_per_minute: u64,
    /// Burst of the rate limit per client, in cost, 1 to 1000000000000. An operation can exceed it if some of it is
    /// left
    #[arg(long, env = "CHATGRAPH_RATE_LIMIT_BURST", default_value_t = 1_200_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000_000), value_name = "COST")]
    pub rate_limit_burst: u64,
    /// Rate limit per organization, for all its clients together, in cost per minute, 0 to 1000000000000; 0 disables
    /// it. Default: four times the limit per client
    #[arg(long, env = "CHATGRAPH_ORGANIZATION_RATE_LIMIT_COST_PER_MINUTE", value_parser = clap::value_parser!(u64).range(0..=1_000_000_000_000), value_name = "COST")]
    pub organization_rate_limit_cost_per_minute: Option<u64>,
    /// Burst of the rate limit per organization, in cost, 1 to 1000000000000. Default: four times the burst per client
    #[arg(long, env = "CHATGRAPH_ORGANIZATION_RATE_LIMIT_BURST", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000_000), value_name = "COST")]
    pub organization_rate_limit_burst: Option<u64>,
    /// Maximum number of open WebSockets per organization, 1 to 1000000
    #[arg(long, env = "CHATGRAPH_MAX_SOCKETS_PER_ORGANIZATION", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "COUNT")]
    pub max_sockets_per_organization: u32,
    /// Maximum number of open subscriptions per organization, over all transports, 1 to 1000000
    #[arg(long, env = "CHATGRAPH_MAX_SUBSCRIPTIONS_PER_ORGANIZATION", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "COUNT")]
    pub max_subscriptions_per_organization: u32,
    /// Maximum number of sessions per organization, 1 to 100000
    #[arg(long, env = "CHATGRAPH_MAX_SESSIONS_PER_ORGANIZATION", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000), value_name = "COUNT")]
    pub max_sessions_per_organization: u32,
    /// Maximum number of API keys per organization that can be created through the API, 1 to 100000
    #[arg(long, env = "CHATGRAPH_MAX_API_KEYS_PER_ORGANIZATION", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000), value_name = "COUNT")]
    pub max_api_keys_per_organization: u32,
    /// Disable introspection, and name no part of the schema in errors that the request does not name
    #[arg(long, env = "CHATGRAPH_NO_INTROSPECTION", value_parser = clap::builder::FalseyValueParser::new())]
    pub no_introspection: bool,
    /// Accept only the documents in this file: a JSON object of `{"ID": "DOCUMENT"}`. Clients send the id as
    /// `extensions.persistedQuery.sha256Hash`. Without this option, any document is accepted
    #[arg(long, env = "CHATGRAPH_TRUSTED_DOCUMENTS", value_name = "FILE")]
    pub trusted_documents: Option<PathBuf>,
}
