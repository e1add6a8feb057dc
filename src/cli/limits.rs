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
    /// What an operation may cost: 1 a field, times the page (`first` or `last`) of every list around it; 1 to 1000000000
    #[arg(long, env = "CHATGRAPH_MAX_COST", default_value_t = 50_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000), value_name = "COST")]
    pub max_cost: u64,
    /// What one caller (an api-key, or a person with login tokens) may ask for in a minute, in the cost of its operations, 0
    /// to 1000000000000; 0 is as much as it wants. A document that is refused counts with its length in bytes
    #[arg(long, env = "CHATGRAPH_RATE_LIMIT_COST_PER_MINUTE", default_value_t = 30_000_000, value_parser = clap::value_parser!(u64).range(0..=1_000_000_000_000), value_name = "COST")]
    pub rate_limit_cost_per_minute: u64,
    /// What one caller may ask for at once, before it has to wait, 1 to 1000000000000. The last operation may overdraw it
    #[arg(long, env = "CHATGRAPH_RATE_LIMIT_BURST", default_value_t = 3_000_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000_000), value_name = "COST")]
    pub rate_limit_burst: u64,
    /// Do not tell callers the schema, neither when they ask for it nor by names in errors
    #[arg(long, env = "CHATGRAPH_NO_INTROSPECTION", value_parser = clap::builder::FalseyValueParser::new())]
    pub no_introspection: bool,
    /// Carry out the documents of this file only: a JSON object of texts by the names that callers may use for them
    /// (as `extensions.persistedQuery.sha256Hash`). Without it, any document
    #[arg(long, env = "CHATGRAPH_TRUSTED_DOCUMENTS", value_name = "FILE")]
    pub trusted_documents: Option<PathBuf>,
}
