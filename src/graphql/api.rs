//! How a request is carried out, whatever transport it came by: read the document, run it with the caller's rights and
//! loaders of its own, and bring what came out into the contract's shape.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_graphql::Request;
use async_graphql::Response;
use async_graphql::ServerError;
use async_graphql::parser::types::OperationType;
use chatgraph_guard::Guard;
use chatgraph_guard::Limits;
use chatgraph_guard::Schema as Types;
use futures_util::FutureExt as _;
use futures_util::StreamExt as _;
use futures_util::stream;
use futures_util::stream::BoxStream;

use crate::auth::viewer::Viewer;
use crate::domain::page::DEFAULT_PAGE;
use crate::domain::page::MAX_PAGE;
use crate::service::chat::Chats;
use crate::service::key::Keys;
use crate::service::session::Sessions;

use super::Schema;
use super::batches::Batches;
use super::document;
use super::error::ApiError;
use super::error::Code;
use super::error::engine;
use super::loader::Loaders;
use super::persisted::Documents;
use super::persisted::Trusted;
use super::shape::Shape;
use super::turns::Pace;
use super::turns::Turn;
use super::turns::Turns;

/// What the resolvers work with.
#[derive(Clone)]
pub struct Parts {
    /// The use cases around chats.
    pub chats: Chats,
    /// The use cases around sessions.
    pub sessions: Sessions,
    /// The use cases around api-keys.
    pub keys: Keys,
}

/// What a request may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// What a document may have.
    pub limits: Limits,
    /// Whether the schema may be asked for.
    pub introspection: bool,
    /// The only documents that are carried out, where there are such.
    pub trusted: Option<Trusted>,
}

impl Default for Config {
    fn default() -> Self {
        let limits = Limits {
            bytes: 64 * 1024,
            tokens: 4_000,
            nesting: 48,
            depth: 20,
            selections: 2_000,
            aliases: 30,
            directives: 64,
            roots: 30,
            cost: 50_000,
            default_page: DEFAULT_PAGE,
            longest_page: MAX_PAGE,
        };
        Self { limits, introspection: true, trusted: None }
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
    guard: Arc<Guard>,
    documents: Arc<Documents>,
    parts: Parts,
}

impl Api {
    /// Builds the schema on `parts`.
    #[must_use]
    pub fn new(parts: Parts, config: &Config) -> Self {
        let schema = super::schema(config);
        let types = Arc::new(super::types(&schema));
        let guard = Arc::new(Guard::new(Arc::clone(&types), config.limits.clone()));
        let documents = Arc::new(Documents::new(config.trusted.clone()));
        Self { schema, types, guard, documents, parts }
    }

    /// Carries out a query or a mutation.
    pub async fn execute(&self, caller: &Caller, mut request: Request) -> Response {
        match self.read(&mut request) {
            Ok((Some(OperationType::Subscription), _)) => refuse(unstreamed(), caller),
            Ok((_, shape)) => self.run(caller, request, &shape).await,
            Err(error) => refuse(error, caller),
        }
    }

    /// Carries out a query; none for a mutation, which is left alone.
    pub async fn query(&self, caller: &Caller, mut request: Request) -> Option<Response> {
        match self.read(&mut request) {
            Ok((Some(OperationType::Mutation), _)) => None,
            Ok((Some(OperationType::Subscription), _)) => Some(refuse(unstreamed(), caller)),
            Ok((_, shape)) => Some(self.run(caller, request, &shape).await),
            Err(error) => Some(refuse(error, caller)),
        }
    }

    async fn run(&self, caller: &Caller, request: Request, shape: &Shape) -> Response {
        let (request, batches) = self.equip(caller, request);
        let mut execution = batches.beside(stream::once(self.schema.execute(request)));
        let executed = AssertUnwindSafe(execution.next()).catch_unwind().await;
        let mut response = executed.ok().flatten().unwrap_or_else(panicked);
        shape.complete(&mut response);
        finish(response, caller)
    }

    /// Starts any operation. Nothing is done for it before its answers are asked for, nor for an answer before it has
    /// one of the `turns`.
    #[must_use]
    pub fn start(&self, caller: Caller, mut request: Request, turns: &Turns) -> Operation {
        let (kind, shape) = match self.read(&mut request) {
            Ok(read) => read,
            Err(error) => return refused(error, &caller),
        };
        let subscribes = kind == Some(OperationType::Subscription);
        if subscribes && shape.fields() != 1 {
            let message = "a subscription has one field, no more and no less";
            return refused(document::refusal(ApiError::new(Code::ValidationError, message)), &caller);
        }
        let pace = Pace::new(turns.clone());
        let (request, batches) = self.equip(&caller, request.data(pace.clone()));
        let (schema, first) = (self.schema.clone(), pace.clone());
        let execution = async move {
            if !subscribes {
                first.begin(None).await;
            }
            schema.execute_stream(request)
        };
        let responses = AssertUnwindSafe(batches.beside(execution.flatten_stream())).catch_unwind();
        let answers = responses.map(move |response| {
            let mut response = response.unwrap_or_else(|_| panicked());
            shape.complete(&mut response);
            Answer { response: finish(response, &caller), turn: pace.take() }
        });
        Operation { kind, answers: answers.boxed() }
    }

    fn read(&self, request: &mut Request) -> Result<(Option<OperationType>, Shape), ServerError> {
        self.documents.find(request).map_err(document::refusal)?;
        let asked = document::read(&self.guard, request)?;
        let shape = Shape::of(&asked.document, asked.name.as_deref(), &request.variables, &self.types);
        Ok((asked.operation, shape))
    }

    fn equip(&self, caller: &Caller, request: Request) -> (Request, Batches) {
        let (loaders, batches) = Loaders::new(self.parts.clone(), Arc::clone(&caller.viewer));
        (request.data(Arc::clone(&caller.viewer)).data(self.parts.clone()).data(loaders), batches)
    }
}

/// An operation that was started.
pub struct Operation {
    /// What it is; none when it was refused. A subscription answers until it ends or fails, anything else once.
    pub kind: Option<OperationType>,
    /// What it answers.
    pub answers: BoxStream<'static, Answer>,
}

/// One answer of an operation.
pub struct Answer {
    /// The answer.
    pub response: Response,
    /// Its turn, to be kept until the answer is on its way; none for a failure that needed none.
    pub turn: Option<Turn>,
}

/// Where a caller goes on, told beside the document: `chatChanges` takes it for the `after` that the document does not
/// give. A transport puts it into the request's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastEvent(pub String);

fn refused(error: ServerError, caller: &Caller) -> Operation {
    let response = refuse(error, caller);
    Operation { kind: None, answers: stream::once(async { Answer { response, turn: None } }).boxed() }
}

fn refuse(error: ServerError, caller: &Caller) -> Response {
    finish(Response::from_errors(vec![error]), caller)
}

fn unstreamed() -> ServerError {
    let message = "a subscription needs a WebSocket, or the header Accept: text/event-stream";
    document::refusal(ApiError::new(Code::ValidationError, message))
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
