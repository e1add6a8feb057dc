//! How a request is carried out, whatever transport it came by: read the document, run it with the caller's rights and
//! loaders of its own, and bring what came out into the contract's shape.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_graphql::Request;
use async_graphql::Response;
use async_graphql::parser::types::OperationType;
use futures_util::FutureExt as _;
use futures_util::StreamExt as _;
use futures_util::stream;
use futures_util::stream::BoxStream;

use crate::auth::viewer::Viewer;
use crate::service::chat::Chats;
use crate::service::session::Sessions;

use super::Schema;
use super::batches::Batches;
use super::document;
use super::error::ApiError;
use super::error::engine;
use super::loader::Loaders;
use super::nulls::Types;

/// What the resolvers work with.
#[derive(Clone)]
pub struct Parts {
    /// The use cases around chats.
    pub chats: Chats,
    /// The use cases around sessions.
    pub sessions: Sessions,
}

/// What a document may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How deep fields may be nested. The usual introspection query needs 13 levels.
    pub max_depth: usize,
    /// How many fields a document may have once its fragments are expanded.
    pub max_complexity: usize,
    /// How many directives one field may have.
    pub max_directives: usize,
    /// Whether the schema may be asked for.
    pub introspection: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_depth: 20, max_complexity: 2_000, max_directives: 8, introspection: true }
    }
}

/// On whose behalf a request is carried out.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who asks.
    pub viewer: Arc<Viewer>,
    /// What the log calls the request.
    pub request_id: Arc<str>,
}

/// The schema with everything it needs. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    schema: Schema,
    types: Arc<Types>,
    parts: Parts,
}

impl Api {
    /// Builds the schema on `parts`.
    #[must_use]
    pub fn new(parts: Parts, config: &Config) -> Self {
        let schema = super::schema(config);
        let types = Arc::new(Types::of(&schema.sdl()));
        Self { schema, types, parts }
    }

    /// Carries out a query or a mutation.
    pub async fn execute(&self, caller: &Caller, mut request: Request) -> Response {
        if let Err(error) = document::read(&mut request) {
            return finish(Response::from_errors(vec![error]), caller);
        }
        let asked = Asked::of(&request);
        let (request, batches) = self.equip(caller, request);
        let mut execution = batches.beside(stream::once(self.schema.execute(request)));
        let executed = AssertUnwindSafe(execution.next()).catch_unwind().await;
        let mut response = executed.ok().flatten().unwrap_or_else(panicked);
        self.types.complete(&asked.query, asked.operation.as_deref(), &mut response);
        finish(response, caller)
    }

    /// Carries out any operation.
    #[must_use]
    pub fn start(&self, caller: Caller, mut request: Request) -> Answers {
        let operation_type = match document::read(&mut request) {
            Ok(operation_type) => operation_type,
            Err(error) => {
                let response = finish(Response::from_errors(vec![error]), &caller);
                return Answers { subscribed: false, responses: stream::once(async { response }).boxed() };
            }
        };
        let (asked, types) = (Asked::of(&request), Arc::clone(&self.types));
        let (request, batches) = self.equip(&caller, request);
        let responses = AssertUnwindSafe(batches.beside(self.schema.execute_stream(request))).catch_unwind();
        let responses = responses.map(move |response| {
            let mut response = response.unwrap_or_else(|_| panicked());
            types.complete(&asked.query, asked.operation.as_deref(), &mut response);
            finish(response, &caller)
        });
        Answers { subscribed: operation_type == Some(OperationType::Subscription), responses: responses.boxed() }
    }

    fn equip(&self, caller: &Caller, request: Request) -> (Request, Batches) {
        let (loaders, batches) = Loaders::new(self.parts.clone(), Arc::clone(&caller.viewer));
        (request.data(Arc::clone(&caller.viewer)).data(self.parts.clone()).data(loaders), batches)
    }
}

/// What an operation answers.
pub struct Answers {
    /// Whether it is a subscription: that answers until it ends or fails, anything else once.
    pub subscribed: bool,
    /// The answers.
    pub responses: BoxStream<'static, Response>,
}

/// What is looked up again when an answer has errors.
struct Asked {
    query: String,
    operation: Option<String>,
}

impl Asked {
    fn of(request: &Request) -> Self {
        Self { query: request.query.clone(), operation: request.operation_name.clone() }
    }
}

fn finish(mut response: Response, caller: &Caller) -> Response {
    for error in &mut response.errors {
        engine::translate(error, &caller.request_id);
    }
    response
}

/// The panic's own message went to the log by the panic hook.
fn panicked() -> Response {
    let error = async_graphql::Error::from(ApiError::internal());
    Response::from_errors(vec![error.into_server_error(async_graphql::Pos::default())])
}
