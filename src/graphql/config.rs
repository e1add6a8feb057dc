//! Configuration of the execution of requests: limits of a document, rate limits, and which documents are accepted.

mod documents;

use clap::Args;
use graphql_guard::Limits;

use super::persisted_documents::TrustedDocuments;
use crate::{
    config,
    domain::page::{DEFAULT_PAGE_LEN, MAX_PAGE_LEN},
    rate_limit::Rate,
};

pub use documents::DocumentArgs;

/// The ratio of the default rate limit of an organization to that of a client.
const ORGANIZATION_FACTOR: u64 = 4;

/// Configuration of the execution of requests.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Limits")]
#[group(skip)]
pub struct Config {
    /// Maximum number of tokens (names, values and punctuators) in a document, 100 to 20000. Each takes some
    /// microseconds to parse
    #[arg(long, env = "CHATGRAPH_MAX_TOKENS", default_value_t = 1_500, value_parser = config::count(100..=20_000), value_name = "COUNT")]
    pub max_tokens: usize,
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
    // Per second twice the default of --max-cost, which is about a quarter of a core.
    #[arg(long, env = "CHATGRAPH_RATE_LIMIT_COST_PER_MINUTE", default_value_t = 6_000_000, value_parser = clap::value_parser!(u64).range(0..=1_000_000_000_000), value_name = "COST")]
    pub rate_limit_cost_per_minute: u64,
    /// Burst of the rate limit per client, in cost, 1 to 1000000000000. An operation is executed if any budget is left,
    /// and may overdraw it
    // Twelve seconds of the rate limit.
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
    #[arg(long = "max-sockets-per-organization", env = "CHATGRAPH_MAX_SOCKETS_PER_ORGANIZATION", default_value_t = 2_000, value_parser = config::count(1..=1_000_000), value_name = "COUNT")]
    pub max_sockets: usize,
    /// Maximum number of open subscriptions per organization, over all transports, 1 to 1000000
    #[arg(long = "max-subscriptions-per-organization", env = "CHATGRAPH_MAX_SUBSCRIPTIONS_PER_ORGANIZATION", default_value_t = 10_000, value_parser = config::count(1..=1_000_000), value_name = "COUNT")]
    pub max_subscriptions: usize,
    /// Maximum memory of stored responses, in MiB, 0 to 65536; 0 disables them. A repeated query of chats or sessions
    /// gets its stored response while nothing of the organization changes
    #[arg(long, env = "CHATGRAPH_RESPONSE_CACHE_MIB", default_value_t = 32, value_parser = config::count(0..=65_536), value_name = "MIB")]
    pub response_cache_mib: usize,
    /// True to enable introspection.
    #[arg(skip = true)]
    pub introspection: bool,
    /// The only documents that may be executed, if the operator has configured such a list.
    #[arg(skip)]
    pub trusted: Option<TrustedDocuments>,
}

impl Default for Config {
    fn default() -> Self {
        config::defaults()
    }
}

impl Config {
    /// The limits of a document.
    pub(super) fn limits(&self) -> Limits {
        Limits {
            tokens: self.max_tokens,
            depth: self.max_depth,
            selections: self.max_fields,
            aliases: self.max_aliases,
            cost: self.max_cost,
            default_page: DEFAULT_PAGE_LEN,
            longest_page: MAX_PAGE_LEN,
            ..Limits::DEFAULT
        }
    }

    /// The maximum memory of stored responses, in bytes.
    pub(super) fn response_cache_bytes(&self) -> usize {
        self.response_cache_mib.saturating_mul(1024 * 1024)
    }

    /// The rate limit of one client, in operation cost; `None` for no limit.
    pub(super) fn rate(&self) -> Option<Rate> {
        Some(self.client_rate()).filter(|rate| rate.per_minute > 0)
    }

    /// The rate limit of all clients of an organization together; `None` for no limit.
    pub(super) fn organization_rate(&self) -> Option<Rate> {
        let default = self.client_rate().times(ORGANIZATION_FACTOR);
        let rate = Rate {
            per_minute: self.organization_rate_limit_cost_per_minute.unwrap_or(default.per_minute),
            burst: self.organization_rate_limit_burst.unwrap_or(default.burst),
        };
        Some(rate).filter(|rate| rate.per_minute > 0)
    }

    fn client_rate(&self) -> Rate {
        Rate { per_minute: self.rate_limit_cost_per_minute, burst: self.rate_limit_burst }
    }
}
