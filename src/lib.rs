//! chatgraph: a self-hosted, multi-tenant GraphQL server for WhatsApp chats. See `docs/architecture.md`.

pub mod auth;
mod backoff;
mod cache;
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod feed;
pub mod graphql;
pub mod http;
pub mod rate_limit;
pub mod server;
pub mod service;
pub mod session;
pub mod store;
pub mod telemetry;
