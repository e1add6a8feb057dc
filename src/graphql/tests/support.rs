//! Shared code of the schema's tests, which need neither a store nor a server.

use std::sync::Arc;

use async_graphql::{
    EmptyMutation, EmptySubscription, Object, Request, Response,
    parser::{
        parse_schema,
        types::{FieldDefinition, TypeDefinition, TypeKind, TypeSystemDefinition},
    },
};
use futures_util::StreamExt as _;
use graphql_guard::Guard;

use crate::{
    auth::viewer::{Principal, Viewer},
    domain::{
        capability::Capabilities,
        chat,
        chat_view::ChatView,
        id::{ChatId, KeyId, SessionId},
        session,
    },
    graphql::{
        Config, chat::object::Chat, document, error::engine_error, response_shape, schema, sdl,
        session::object::Session,
    },
};

/// The definitions of the schema.
pub(super) fn definitions() -> Vec<TypeDefinition> {
    let document = parse_schema(sdl()).expect("the schema we print is a schema");
    let definitions = document.definitions.into_iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Type(definition) => Some(definition.node),
        TypeSystemDefinition::Schema(_) | TypeSystemDefinition::Directive(_) => None,
    });
    definitions.collect()
}

/// The fields of an object or interface type.
pub(super) fn fields(definition: &TypeDefinition) -> Vec<&FieldDefinition> {
    let fields = match &definition.kind {
        TypeKind::Object(object) => &object.fields,
        TypeKind::Interface(interface) => &interface.fields,
        TypeKind::Scalar | TypeKind::Union(_) | TypeKind::Enum(_) | TypeKind::InputObject(_) => return vec![],
    };
    fields.iter().map(|field| &field.node).collect()
}

/// A viewer with these capabilities.
pub(super) fn viewer(capabilities: Capabilities) -> Arc<Viewer> {
    let principal = Principal::ApiKey(KeyId::new(1));
    let organization = Some("org_1".parse().expect("an id"));
    Arc::new(Viewer { organization, principal, capabilities, expires_at: None })
}

/// Executes `query` as the API does, without services: a resolver behind its guard panics.
pub(super) async fn execute(query: &str, variables: serde_json::Value, capabilities: Capabilities) -> Response {
    let mut request = Request::new(query).variables(async_graphql::Variables::from_json(variables));
    let schema = schema::build(&Config::default());
    let guard = Guard::new(Arc::new(schema::types(&schema)), Config::default().limits());
    let mut response = match document::compile(&guard, &mut request, None) {
        Err(errors) => Response::from_errors(errors),
        Ok(compiled) => {
            let mut responses = schema.execute_stream(request.data(viewer(capabilities)));
            let mut response = responses.next().await.expect("an answer");
            response_shape::apply(compiled.shape.fields(), &mut response);
            response
        }
    };
    response.errors.iter_mut().for_each(|error| engine_error::translate(error, "req_1"));
    response
}

/// Selects a field of an object that needs no resolver.
pub(super) async fn execute_on(object: &str, selection: &str, capabilities: Capabilities) -> Response {
    let schema = async_graphql::Schema::new(Objects, EmptyMutation, EmptySubscription);
    let query = format!("{{ {} {{ {selection} }} }}", object.to_lowercase());
    schema.execute(Request::new(query).data(viewer(capabilities))).await
}

struct Objects;

#[Object]
impl Objects {
    async fn chat(&self) -> Chat {
        let jid = "15550100@s.whatsapp.net".parse().expect("a JID");
        ChatView::from(chat::Chat::new(ChatId::new(1), SessionId::new(1), jid, 1)).into()
    }

    async fn session(&self) -> Session {
        let organization = "org_1".parse().expect("an id");
        session::Session::new(SessionId::new(1), organization, None, 1).into()
    }
}

/// The code of the first error.
pub(super) fn code(response: &Response) -> String {
    extension(response, "code").unwrap_or_else(|| format!("no error in {:?}", response.data))
}

/// An extension of the first error.
pub(super) fn extension(response: &Response, name: &str) -> Option<String> {
    match response.errors.first()?.extensions.as_ref()?.get(name)? {
        async_graphql::Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
