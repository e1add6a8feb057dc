//! The schema: its root types, and its forms for the engine, for the guard and for developers.

use async_graphql::{MergedObject, MergedSubscription, SDLExportOptions, ScalarType, ValidationMode};
use graphql_guard::ScalarCheck;

use super::{
    api_key::{mutation::KeyMutation, query::KeyQuery},
    call::{mutation::CallMutation, subscription::CallSubscription},
    change_cursor::ChangeCursorQuery,
    chat::{mutation::ChatMutation, query::ChatQuery, subscription::ChatSubscription},
    config::Config,
    error::explanation::ErrorQuery,
    node::NodeQuery,
    scalar::{Jid, Timestamp},
    session::{mutation::SessionMutation, query::SessionQuery, subscription::SessionSubscription},
    viewer::query::ViewerQuery,
    weight,
};

/// The queries.
#[derive(MergedObject, Default)]
pub(super) struct Query(ViewerQuery, ChatQuery, SessionQuery, KeyQuery, NodeQuery, ChangeCursorQuery, ErrorQuery);

/// The mutations.
#[derive(MergedObject, Default)]
pub(super) struct Mutation(ChatMutation, SessionMutation, CallMutation, KeyMutation);

/// The subscriptions.
#[derive(MergedSubscription, Default)]
pub(super) struct Subscription(ChatSubscription, SessionSubscription, CallSubscription);

pub(super) type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

/// Builds the schema.
pub(super) fn build(config: &Config) -> Schema {
    // Only the limits and rules of the guard apply. The engine would check its own limits after the work is done, and
    // the guard has already validated its rules.
    let schema = Schema::build(Query::default(), Mutation::default(), Subscription::default());
    let schema = schema.validation_mode(ValidationMode::Fast);
    if config.introspection { schema.finish() } else { schema.disable_introspection().disable_suggestions().finish() }
}

/// The same schema with the engine's default validation.
#[cfg(test)]
pub(super) fn stock() -> &'static Schema {
    static SCHEMA: std::sync::LazyLock<Schema> = std::sync::LazyLock::new(|| {
        Schema::build(Query::default(), Mutation::default(), Subscription::default()).finish()
    });
    &SCHEMA
}

/// Returns the types for the guard.
pub(super) fn types(schema: &Schema) -> graphql_guard::Schema {
    let scalars: [(&'static str, ScalarCheck); 2] =
        [("JID", <Jid as ScalarType>::is_valid), ("Timestamp", <Timestamp as ScalarType>::is_valid)];
    let types = graphql_guard::Schema::parse(&schema.sdl(), &scalars).expect("the schema we print is a schema");
    types.with_weights(weight::WEIGHTS)
}

/// The schema in SDL, as in `schema.graphql`.
#[must_use]
pub fn sdl() -> String {
    let options = SDLExportOptions::new().include_specified_by().use_space_ident().indent_width(2);
    let sdl = build(&Config::default()).sdl_with_options(options);
    format!("{}\n", sdl.trim_end())
}
