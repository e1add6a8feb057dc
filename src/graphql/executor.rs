//! Execution of requests from every transport. Compiles the document, executes it with the client's capabilities and
//! its own loaders, and completes the response as the contract requires.

use std::{panic::AssertUnwindSafe, sync::Arc};

use async_graphql::{Request, Response, ServerError, parser::types::OperationType};
use futures_util::{
    FutureExt as _, StreamExt as _,
    stream::{self, BoxStream},
};
use graphql_guard::{Guard, Shape};
use tokio::time::Instant;
use tracing::{Instrument as _, Span, debug_span};

#[cfg(test)]
use super::rendering::by_engine;
use super::{
    backpressure::{AnswerPacer, AnswerPermit, AnswerSlots},
    change_cursor,
    config::Config,
    cost_limit::CostLimiter,
    document,
    error::{ApiError, ApiErrorCode, engine_error},
    loader::Loaders,
    loader_scheduler::PendingBatches,
    metrics::{self, Metrics},
    open_limit::{OpenLimiter, OpenPermit},
    persisted_documents::DocumentSource,
    request_names::RequestNames,
    response_shape,
    schema::{self, Schema},
    services::GraphqlServices,
};
use crate::{
    auth::viewer::Viewer,
    rate_limit::{Rate, RateLimitStatus},
};

/// The client that sent a request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The viewer that the token authenticates.
    pub viewer: Arc<Viewer>,
    /// The request id in the log.
    pub request_id: Arc<str>,
}

/// The schema with everything that it needs. Cheap to clone.
#[derive(Clone)]
pub struct GraphqlExecutor {
    schema: Schema,
    guard: Arc<Guard>,
    documents: Arc<DocumentSource>,
    metrics: Metrics,
    cost_limiter: CostLimiter,
    sockets: OpenLimiter,
    subscriptions: OpenLimiter,
    /// Maximum length in bytes of a document that is read.
    longest: usize,
    introspection: bool,
    parts: GraphqlServices,
}

impl GraphqlExecutor {
    /// Builds the schema on `parts`.
    #[must_use]
    pub fn new(parts: GraphqlServices, config: &Config) -> Self {
        let schema = schema::build(config);
        let guard = Arc::new(Guard::new(Arc::new(schema::types(&schema)), config.limits()));
        let documents = Arc::new(DocumentSource::new(config.trusted.clone()));
        let (metrics, cost_limiter) = (Metrics::default(), CostLimiter::new(config.rate(), config.organization_rate()));
        let sockets = OpenLimiter::new(config.max_sockets);
        let subscriptions = OpenLimiter::new(config.max_subscriptions);
        let (longest, introspection) = (config.limits().bytes, config.introspection);
        Self { schema, guard, documents, metrics, cost_limiter, sockets, subscriptions, longest, introspection, parts }
    }

    /// The metrics of the operations.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The rate limits of `viewer` and of its organization with their current state. `None` if there is no limit.
    #[must_use]
    pub fn rate_limits(&self, viewer: &Viewer) -> [Option<(Rate, RateLimitStatus)>; 2] {
        self.cost_limiter.statuses(viewer)
    }

    /// Counts a WebSocket of `viewer` until the result is dropped.
    ///
    /// # Errors
    /// [`ApiErrorCode::LimitExceeded`] if the organization has reached its limit.
    pub fn open_socket(&self, viewer: &Viewer) -> Result<OpenPermit, ApiError> {
        let open = self.sockets.open(&viewer.organization);
        open.ok_or_else(|| too_many(self.sockets.limit(), "WebSockets", "--max-sockets-per-organization"))
    }

    /// Checks that the rate limits of `viewer` are not exhausted.
    ///
    /// # Errors
    /// [`ApiErrorCode::RateLimited`] if one of them is.
    pub fn check(&self, viewer: &Viewer) -> Result<(), ApiError> {
        self.cost_limiter.check(viewer)
    }

    /// Executes a query or a mutation.
    pub async fn execute(&self, caller: &Caller, mut request: Request) -> Response {
        let begun = Instant::now();
        match self.read(caller, &mut request) {
            Ok(read) if read.subscribes() => self.reject(caller, vec![not_a_stream()], begun),
            Ok(read) => self.run(caller, request, &read, begun).await,
            Err(errors) => self.reject(caller, errors, begun),
        }
    }

    /// Executes a query. `None` for a mutation, which is not executed.
    pub async fn query(&self, caller: &Caller, mut request: Request) -> Option<Response> {
        let begun = Instant::now();
        match self.read(caller, &mut request) {
            Ok(read) if read.kind == OperationType::Mutation => None,
            Ok(read) if read.subscribes() => Some(self.reject(caller, vec![not_a_stream()], begun)),
            Ok(read) => Some(self.run(caller, request, &read, begun).await),
            Err(errors) => Some(self.reject(caller, errors, begun)),
        }
    }

    async fn run(&self, caller: &Caller, request: Request, read: &PreparedRequest, begun: Instant) -> Response {
        let request = change_cursor::read_before(request, &self.parts.chats, &caller.viewer).await;
        let (request, batches) = self.attach_context(caller, request);
        let mut execution = batches.drive_while_polling(stream::once(self.schema.execute(request)));
        let executed = AssertUnwindSafe(execution.next()).catch_unwind().instrument(span(read)).await;
        let mut response = executed.ok().flatten().unwrap_or_else(panicked);
        response_shape::apply(read.shape.fields(), &mut response);
        let response = finish(response, caller, read.names.as_ref());
        self.metrics.answered(Some(read.kind), begun, &response);
        response
    }

    /// Starts any operation. Execution begins when the responses are polled, and each response waits for one of the
    /// `turns`.
    #[must_use]
    pub fn start(&self, caller: Caller, mut request: Request, turns: &AnswerSlots) -> Operation {
        let begun = Instant::now();
        let read = match self.read(&caller, &mut request) {
            Ok(read) => read,
            Err(errors) => {
                let response = self.reject(&caller, errors, begun);
                let answers = stream::once(async { Answer { response, turn: None } });
                return Operation { kind: None, answers: answers.boxed() };
            }
        };
        let (kind, subscribes, mut pace) = (Some(read.kind), read.subscribes(), AnswerPacer::new(turns.clone()));
        let mut counted = None;
        if subscribes {
            let Some(open) = self.subscriptions.open(&caller.viewer.organization) else {
                let most = self.subscriptions.limit();
                let error = too_many(most, "subscriptions", "--max-subscriptions-per-organization");
                let response = self.reject(&caller, vec![document::refusal(error)], begun);
                let answers = stream::once(async { Answer { response, turn: None } });
                return Operation { kind: None, answers: answers.boxed() };
            };
            counted = Some((open, self.metrics.subscribed()));
            pace = pace.paid(self.cost_limiter.account(&caller.viewer), read.cost);
        }
        let (request, batches) = self.attach_context(&caller, request.data(pace.clone()));
        let (schema, first_turn) = (self.schema.clone(), pace.clone());
        let (chats, viewer) = (self.parts.chats.clone(), Arc::clone(&caller.viewer));
        let execution = async move {
            if !subscribes {
                first_turn.begin(None).await;
            }
            let request = change_cursor::read_before(request, &chats, &viewer).await;
            schema.execute_stream(request)
        };
        let (span, mut executing) = (span(&read), batches.drive_while_polling(execution.flatten_stream()));
        let executing = stream::poll_fn(move |context| span.in_scope(|| executing.poll_next_unpin(context)));
        let responses = AssertUnwindSafe(executing).catch_unwind();
        let (metrics, mut first) = (self.metrics.clone(), true);
        let answers = responses.map(move |response| {
            let _counted = &counted;
            let mut response = response.unwrap_or_else(|_| panicked());
            response_shape::apply(read.shape.fields(), &mut response);
            let response = finish(response, &caller, read.names.as_ref());
            if std::mem::take(&mut first) {
                metrics.answered(kind, begun, &response);
            }
            Answer { response, turn: pace.take() }
        });
        Operation { kind, answers: answers.boxed() }
    }

    fn reject(&self, caller: &Caller, errors: Vec<ServerError>, begun: Instant) -> Response {
        let response = finish(Response::from_errors(errors), caller, None);
        self.metrics.answered(None, begun, &response);
        response
    }

    /// Compiles the operation of the request, and charges its cost to the client's rate limits.
    fn read(&self, caller: &Caller, request: &mut Request) -> Result<PreparedRequest, Vec<ServerError>> {
        let refused = |error| vec![document::refusal(error)];
        self.cost_limiter.check(&caller.viewer).map_err(refused)?;
        // Reading is work, even if the document is then rejected.
        let length = request.query.len().min(self.longest) as u64;
        let found = self.documents.find(request).map_err(refused);
        let names = (!self.introspection && found.is_ok()).then(|| RequestNames::of(request));
        let compiled = found.and_then(|()| document::compile(&self.guard, request, names.as_ref()));
        let paid = compiled.and_then(|compiled| {
            let cost = compiled.cost.max(1);
            self.cost_limiter.pay(&caller.viewer, cost).map_err(refused)?;
            Ok(PreparedRequest { kind: compiled.kind, cost, shape: compiled.shape, names })
        });
        if paid.is_err() {
            self.cost_limiter.take(&caller.viewer, length.max(1));
        }
        paid
    }

    /// Validates and executes a request with the engine alone, without the guard.
    #[cfg(test)]
    pub(crate) async fn execute_unguarded(&self, caller: &Caller, request: Request) -> Response {
        let (request, batches) = self.attach_context(caller, by_engine(request));
        let stock = schema::stock();
        let response = batches.drive_while_polling(stream::once(stock.execute(request))).next().await;
        response.unwrap_or_else(panicked)
    }

    fn attach_context(&self, caller: &Caller, request: Request) -> (Request, PendingBatches) {
        let (loaders, batches) = Loaders::new(self.parts.clone(), Arc::clone(&caller.viewer));
        let request = request.data(Arc::clone(&caller.viewer)).data(self.parts.clone()).data(loaders);
        (request.data(self.metrics.clone()), batches)
    }
}

/// The compiled operation of a request.
struct PreparedRequest {
    kind: OperationType,
    cost: u64,
    shape: Shape,
    /// The names that errors may contain; `None` if that is all of them.
    names: Option<RequestNames>,
}

impl PreparedRequest {
    fn subscribes(&self) -> bool {
        self.kind == OperationType::Subscription
    }
}

/// The span of an operation. It does not contain the operation's name, which the client chooses.
fn span(read: &PreparedRequest) -> Span {
    debug_span!("operation", kind = metrics::operation_label(Some(read.kind)))
}

/// A started operation.
pub struct Operation {
    /// The kind of operation; `None` if it was rejected. A subscription has responses until it ends or fails, any other
    /// operation has one.
    pub kind: Option<OperationType>,
    /// The responses.
    pub answers: BoxStream<'static, Answer>,
}

/// A response of an operation.
pub struct Answer {
    /// The response.
    pub response: Response,
    /// Its turn, which the transport holds until the response is sent; `None` for an error that needed no turn.
    pub turn: Option<AnswerPermit>,
}

fn too_many(most: usize, what: &str, flag: &str) -> ApiError {
    let advice = format!("close some, or ask the operator to raise {flag}");
    ApiError::limit_exceeded(format!("the organization has reached its limit of {most} open {what}; {advice}"))
}

fn not_a_stream() -> ServerError {
    let message = "a subscription requires a WebSocket, or the header Accept: text/event-stream";
    document::refusal(ApiError::new(ApiErrorCode::ValidationError, message))
}

fn finish(mut response: Response, caller: &Caller, names: Option<&RequestNames>) -> Response {
    for error in &mut response.errors {
        if let Some(names) = names {
            names.redact_error(error);
        }
        engine_error::translate(error, &caller.request_id);
    }
    response
}

/// The panic hook has already logged the message.
fn panicked() -> Response {
    let error = async_graphql::Error::from(ApiError::internal());
    Response::from_errors(vec![error.into_server_error(async_graphql::Pos::default())])
}
