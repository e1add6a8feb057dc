//! The GraphQL schema and the execution of requests on it. Called by `http` for every transport.
//!
//! One folder per subject, each with its object, input, query, mutation and subscription. A resolver declares its
//! capability as a guard, converts its arguments, calls one use case and converts the result. To add a field, write it
//! in the folder of its subject. Describe it with the capability that it requires, and guard it with
//! `capability::requires`. Then print the schema again (`chatgraph schema > schema.graphql`). The tests in this folder
//! report what is missing.

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
pub mod error;
mod executor;
mod loader;
mod loader_scheduler;
mod message;
mod metrics;
mod node;
mod open_limit;
mod persisted_documents;
mod request_names;
mod response_shape;
mod scalar;
mod session;
mod viewer;
mod weight;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_graphql::MergedObject;
use async_graphql::MergedSubscription;
use async_graphql::SDLExportOptions;
use async_graphql::ScalarType;
use async_graphql::ValidationMode;
use graphql_guard::Guard;
use graphql_guard::ScalarCheck;

pub use backpressure::AnswerPermit;
pub use backpressure::AnswerSlots;
pub use config::Config;
pub use config::DocumentArgs;
pub use executor::Answer;
pub use executor::Caller;
pub use executor::GraphqlExecutor;
pub use executor::GraphqlServices;
pub use executor::LastEvent;
pub use executor::Operation;
pub use graphql_guard::Limits;
pub use metrics::Metrics;
pub use open_limit::OpenPermit;
pub use persisted_documents::TrustedDocuments;

use scalar::Jid;
use scalar::Timestamp;

/// The queries.
#[derive(MergedObject, Default)]
struct Query(
    viewer::query::ViewerQuery,
    chat::query::ChatQuery,
    session::query::SessionQuery,
    api_key::query::KeyQuery,
    node::NodeQuery,
    change_cursor::ChangeCursorQuery,
    error::explanation::ErrorQuery,
);

/// The mutations.
#[derive(MergedObject, Default)]
struct Mutation(
    chat::mutation::ChatMutation,
    session::mutation::SessionMutation,
    call::mutation::CallMutation,
    api_key::mutation::KeyMutation,
);

/// The subscriptions.
#[derive(MergedSubscription, Default)]
struct Subscription(
    chat::subscription::ChatSubscription,
    session::subscription::SessionSubscription,
    call::subscription::CallSubscription,
);

type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

fn schema(config: &Config) -> Schema {
    // Only the limits and rules of the guard apply. The engine would check its own limits after the work is done, and
    // the guard has already validated its rules.
    let schema = Schema::build(Query::default(), Mutation::default(), Subscription::default());
    let schema = schema.validation_mode(ValidationMode::Fast);
    if config.introspection { schema.finish() } else { schema.disable_introspection().disable_suggestions().finish() }
}

/// The same schema with the engine's default validation.
#[cfg(test)]
fn stock_schema() -> &'static Schema {
    static SCHEMA: std::sync::LazyLock<Schema> = std::sync::LazyLock::new(|| {
        Schema::build(Query::default(), Mutation::default(), Subscription::default()).finish()
    });
    &SCHEMA
}

fn types(schema: &Schema) -> graphql_guard::Schema {
    let scalars: [(&'static str, ScalarCheck); 2] =
        [("JID", <Jid as ScalarType>::is_valid), ("Timestamp", <Timestamp as ScalarType>::is_valid)];
    let types = graphql_guard::Schema::parse(&schema.sdl(), &scalars).expect("the schema we print is a schema");
    types.with_weights(weight::WEIGHTS)
}

/// The first trusted document that no request could execute, with the reason.
#[must_use]
pub fn first_invalid(config: &Config) -> Option<String> {
    let documents = config.trusted.as_ref()?.documents();
    let guard = Guard::new(Arc::new(types(&schema(config))), config.limits());
    let mut refused = documents.into_iter().filter_map(|(name, text)| Some((name, guard.check(text).err()?)));
    refused.next().map(|(name, refusal)| format!("document {name:?}: {refusal}"))
}

/// The schema in SDL, as in `schema.graphql`.
#[must_use]
pub fn sdl() -> String {
    let options = SDLExportOptions::new().include_specified_by().use_space_ident().indent_width(2);
    let sdl = schema(&Config::default()).sdl_with_options(options);
    format!("{}\n", sdl.trim_end())
}
