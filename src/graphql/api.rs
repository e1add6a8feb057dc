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
use chatgraph_guard::Shape;
use futures_util::FutureExt as _;
use futures_util::StreamExt as _;
use futures_util::stream;
use futures_util::stream::BoxStream;
use tokio::time::Instant;
use tracing::Instrument as _;
use tracing::Span;
use tracing::debug_span;

use crate::auth::viewer::Viewer;
use crate::domain::allowance::Rate;
use crate::domain::allowance::Standing;
use crate::domain::page::DEFAULT_PAGE;
use crate::domain::page::MAX_PAGE;
use crate::service::call::Calls;
use crate::service::chat::Chats;
use crate::service::key::Keys;
use crate::service::session::Sessions;

use super::Schema;
use super::batches::Batches;
use super::budget::Budget;
use super::change_cursor;
use super::document;
use super::error::ApiError;
use super::error::Code;
use super::error::engine;
use super::loader::Loaders;
use super::metrics;
use super::metrics::Metrics;
use super::open::Open;
use super::open::OpenCounts;
use super::persisted::Documents;
use super::persisted::Trusted;
use super::shape;
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
    /// The use cases around calls.
    pub calls: Calls,
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
    /// What one caller may ask for in a time, in the cost of its operations; without it, as much as it wants.
    pub rate: Option<Rate>,
    /// What all callers of an organization together may ask for.
    pub organization_rate: Option<Rate>,
    /// WebSockets that an organization may have open.
    pub max_sockets: usize,
    /// Subscriptions that an organization may have open.
    pub max_subscriptions: usize,
}

/// How many callers' allowances an organization has together.
pub const CALLERS: u64 = 4;

impl Default for Config {
    fn default() -> Self {
        let limits = Limits { default_page: DEFAULT_PAGE, longest_page: MAX_PAGE, ..Limits::DEFAULT };
        // Twice a second what one operation may cost at most, about a quarter of a core, and twelve seconds of that at once.
        let rate = Rate { per_minute: 120 * limits.cost, burst: 24 * limits.cost };
        Self {
            limits,
            introspection: true,
            trusted: None,
            rate: Some(rate),
            organization_rate: Some(rate.times(CALLERS)),
            max_sockets: 2_000,
            max_subscriptions: 10_000,
        }
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
    guard: Arc<Guard>,
    documents: Arc<Documents>,
    metrics: Metrics,
    budget: Budget,
    sockets: OpenCounts,
    subscriptions: OpenCounts,
    /// How long a document may be that is read at all.
    longest: usize,
    introspection: bool,
    parts: Parts,
}

impl Api {
    /// Builds the schema on `parts`.
    #[must_use]
    pub fn new(parts: Parts, config: &Config) -> Self {
        let schema = super::schema(config);
        let guard = Arc::new(Guard::new(Arc::new(super::types(&schema)), config.limits.clone()));
        let documents = Arc::new(Documents::new(config.trusted.clone()));
        let (metrics, budget) = (Metrics::default(), Budget::new(config.rate, config.organization_rate));
        let sockets = OpenCounts::new(config.max_sockets);
        let subscriptions = OpenCounts::new(config.max_subscriptions);
        let (longest, introspection) = (config.limits.bytes, config.introspection);
        Self { schema, guard, documents, metrics, budget, sockets, subscriptions, longest, introspection, parts }
    }

    /// What is counted of the operations.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The allowance of `viewer` and how it stands, then its organization's; `None` for one without a limit.
    #[must_use]
    pub fn allowances(&self, viewer: &Viewer) -> [Option<(Rate, Standing)>; 2] {
        self.budget.standings(viewer)
    }

    /// Counts a WebSocket of `viewer` for as long as the result is kept.
    ///
    /// # Errors
    /// [`Code::LimitExceeded`] if its organization has as many as it may.
    pub fn open_socket(&self, viewer: &Viewer) -> Result<Open, ApiError> {
        let open = self.sockets.open(&viewer.organization);
        open.ok_or_else(|| too_many(self.sockets.limit(), "WebSockets", "--max-sockets-per-organization"))
    }

    /// Whether `viewer` has anything left to ask for.
    ///
    /// # Errors
    /// [`Code::RateLimited`] when not.
    pub fn check(&self, viewer: &Viewer) -> Result<(), ApiError> {
        self.budget.check(viewer)
    }

    /// Carries out a query or a mutation.
    pub async fn execute(&self, caller: &Caller, mut request: Request) -> Response {
        let begun = Instant::now();
        match self.read(caller, &mut request) {
            Ok(read) if read.subscribes() => self.refuse(caller, vec![unstreamed()], begun),
            Ok(read) => self.run(caller, request, &read, begun).await,
            Err(errors) => self.refuse(caller, errors, begun),
        }
    }

    /// Carries out a query; none for a mutation, which is left alone.
    pub async fn query(&self, caller: &Caller, mut request: Request) -> Option<Response> {
        let begun = Instant::now();
        match self.read(caller, &mut request) {
            Ok(read) if read.kind == OperationType::Mutation => None,
            Ok(read) if read.subscribes() => Some(self.refuse(caller, vec![unstreamed()], begun)),
            Ok(read) => Some(self.run(caller, request, &read, begun).await),
            Err(errors) => Some(self.refuse(caller, errors, begun)),
        }
    }

    async fn run(&self, caller: &Caller, request: Request, read: &Read, begun: Instant) -> Response {
        let request = change_cursor::read_before(request, &self.parts.chats, &caller.viewer).await;
        let (request, batches) = self.equip(caller, request);
        let mut execution = batches.beside(stream::once(self.schema.execute(request)));
        let executed = AssertUnwindSafe(execution.next()).catch_unwind().instrument(span(read)).await;
        let mut response = executed.ok().flatten().unwrap_or_else(panicked);
        shape::complete(read.shape.fields(), &mut response);
        let response = finish(response, caller);
        self.metrics.answered(Some(read.kind), begun, &response);
        response
    }

    /// Starts any operation. Nothing is done for it before its answers are asked for, nor for an answer before it has
    /// one of the `turns`.
    #[must_use]
    pub fn start(&self, caller: Caller, mut request: Request, turns: &Turns) -> Operation {
        let begun = Instant::now();
        let read = match self.read(&caller, &mut request) {
            Ok(read) => read,
            Err(errors) => {
                let response = self.refuse(&caller, errors, begun);
                let answers = stream::once(async { Answer { response, turn: None } });
                return Operation { kind: None, answers: answers.boxed() };
            }
        };
        let (kind, subscribes, mut pace) = (Some(read.kind), read.subscribes(), Pace::new(turns.clone()));
        let mut counted = None;
        if subscribes {
            let Some(open) = self.subscriptions.open(&caller.viewer.organization) else {
                let most = self.subscriptions.limit();
                let error = too_many(most, "subscriptions", "--max-subscriptions-per-organization");
                let response = self.refuse(&caller, vec![document::refusal(error)], begun);
                let answers = stream::once(async { Answer { response, turn: None } });
                return Operation { kind: None, answers: answers.boxed() };
            };
            counted = Some((open, self.metrics.subscribed()));
            pace = pace.paid(self.budget.account(&caller.viewer), read.cost);
        }
        let (request, batches) = self.equip(&caller, request.data(pace.clone()));
        let (schema, first_turn) = (self.schema.clone(), pace.clone());
        let (chats, viewer) = (self.parts.chats.clone(), Arc::clone(&caller.viewer));
        let execution = async move {
            if !subscribes {
                first_turn.begin(None).await;
            }
            let request = change_cursor::read_before(request, &chats, &viewer).await;
            schema.execute_stream(request)
        };
        let (span, mut executing) = (span(&read), batches.beside(execution.flatten_stream()));
        let executing = stream::poll_fn(move |context| span.in_scope(|| executing.poll_next_unpin(context)));
        let responses = AssertUnwindSafe(executing).catch_unwind();
        let (metrics, mut first) = (self.metrics.clone(), true);
        let answers = responses.map(move |response| {
            let _counted = &counted;
            let mut response = response.unwrap_or_else(|_| panicked());
            shape::complete(read.shape.fields(), &mut response);
            let response = finish(response, &caller);
            if std::mem::take(&mut first) {
                metrics.answered(kind, begun, &response);
            }
            Answer { response, turn: pace.take() }
        });
        Operation { kind, answers: answers.boxed() }
    }

    fn refuse(&self, caller: &Caller, errors: Vec<ServerError>, begun: Instant) -> Response {
        let response = finish(Response::from_errors(errors), caller);
        self.metrics.answered(None, begun, &response);
        response
    }

    /// Compiles the request's operation, and takes what it costs from the caller's allowance.
    fn read(&self, caller: &Caller, request: &mut Request) -> Result<Read, Vec<ServerError>> {
        let refused = |error| vec![document::refusal(error)];
        self.budget.check(&caller.viewer).map_err(refused)?;
        // Reading is work, too, also when nothing comes of it.
        let length = request.query.len().min(self.longest) as u64;
        let found = self.documents.find(request).map_err(refused);
        let compiled = found.and_then(|()| document::compile(&self.guard, request, self.introspection));
        let paid = compiled.and_then(|compiled| {
            let cost = compiled.cost.max(1);
            self.budget.pay(&caller.viewer, cost).map_err(refused)?;
            Ok(Read { kind: compiled.kind, cost, shape: compiled.shape })
        });
        if paid.is_err() {
            self.budget.take(&caller.viewer, length.max(1));
        }
        paid
    }

    /// The engine without the guard: it validates and executes a request as it comes.
    #[cfg(test)]
    pub(crate) async fn execute_unguarded(&self, caller: &Caller, request: Request) -> Response {
        let (request, batches) = self.equip(caller, request);
        let stock = super::stock_schema();
        let response = batches.beside(stream::once(stock.execute(request))).next().await;
        response.unwrap_or_else(panicked)
    }

    fn equip(&self, caller: &Caller, request: Request) -> (Request, Batches) {
        let (loaders, batches) = Loaders::new(self.parts.clone(), Arc::clone(&caller.viewer));
        (request.data(Arc::clone(&caller.viewer)).data(self.parts.clone()).data(loaders), batches)
    }
}

/// What was read of a request.
struct Read {
    kind: OperationType,
    cost: u64,
    shape: Shape,
}

impl Read {
    fn subscribes(&self) -> bool {
        self.kind == OperationType::Subscription
    }
}

/// The span of an operation. Its name is the caller's own, and so is not told.
fn span(read: &Read) -> Span {
    debug_span!("operation", kind = metrics::word(Some(read.kind)))
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

fn too_many(most: usize, what: &str, flag: &str) -> ApiError {
    let advice = format!("close some, or ask the operator to raise {flag}");
    ApiError::limit_exceeded(format!("the organization has {most} {what} open, and may have no more: {advice}"))
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
