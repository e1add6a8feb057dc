//! The GraphQL schema and the execution of requests on it. Called by `http` for every transport.
//!
//! One folder per subject, each with its object, input, query, mutation and subscription. A resolver declares its
//! capability as a guard, converts its arguments, calls one use case and converts the result. To add a field, write it
//! in the folder of its subject. Describe it with the capability that it requires, and guard it with
//! `capability::requires`. Then print the schema again (`chatgraph schema > schema.graphql`). The tests in this folder
//! report what is missing.

mod answer;
mod api_key;
mod backpressure;
mod call;
mod capability;
mod change_cursor;
mod chat;
mod config;
mod connection;
mod context;
mod cost_limit;
mod document;
mod engine;
pub mod error;
mod executor;
mod freshness;
mod loader;
mod loader_scheduler;
mod message;
mod metrics;
mod node;
mod open_limit;
mod operation;
mod operation_key;
mod persisted_documents;
mod rendering;
mod request_names;
mod response_cache;
mod response_shape;
mod scalar;
mod schema;
mod services;
mod session;
mod shared_events;
mod viewer;
mod weight;

#[cfg(test)]
mod tests;

pub use answer::{Answer, json, was_executed};
pub use backpressure::{AnswerPermit, AnswerSlots};
pub use config::{Config, DocumentArgs};
pub use context::LastEvent;
pub use engine::Caller;
pub use executor::{Executed, GraphqlExecutor, PendingRequest};
pub use graphql_guard::Limits;
pub use metrics::Metrics;
pub use open_limit::OpenPermit;
pub use operation::Operation;
pub use persisted_documents::TrustedDocuments;
#[cfg(test)]
pub(crate) use rendering::by_engine;
pub use response_cache::StoredResponse;
pub use schema::sdl;
pub use services::GraphqlServices;
