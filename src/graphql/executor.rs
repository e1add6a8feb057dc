//! Execution of requests from every transport: compiles the document, charges its cost, and starts the operation.

use std::{any::Any, sync::Arc};

use async_graphql::{Request, Response, ServerError, parser::types::OperationType};
use graphql_guard::Guard;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::{
    answer,
    backpressure::{AnswerPacer, AnswerSlots},
    config::Config,
    cost_limit::CostLimiter,
    document,
    engine::{self, Caller, Engine, PreparedRequest},
    error::{ApiError, ApiErrorCode},
    freshness::Freshness,
    metrics::Metrics,
    open_limit::{OpenLimiter, OpenPermit},
    operation::{Operation, Subscriber},
    persisted_documents::DocumentSource,
    request_names::RequestNames,
    response_cache::{ResponseCache, StoredResponse},
    schema,
    services::GraphqlServices,
    shared_events::SharedEvents,
};
use crate::{
    auth::viewer::Viewer,
    rate_limit::{Rate, RateLimitStatus},
};

/// A request that was compiled and charged, or rejected, and is not executed yet.
pub struct PendingRequest {
    request: Request,
    read: Result<PreparedRequest, Box<Response>>,
    begun: Instant,
}

impl PendingRequest {
    /// The kind of operation; `None` if the request was rejected.
    #[must_use]
    pub fn kind(&self) -> Option<OperationType> {
        self.read.as_ref().ok().map(|read| read.kind)
    }

    /// Adds data for the resolvers.
    #[must_use]
    pub fn data(self, data: impl Any + Send + Sync) -> Self {
        Self { request: self.request.data(data), ..self }
    }
}

/// The result of a query or a mutation.
pub enum Executed {
    /// A response to this request alone.
    Own(Response),
    /// A response without errors, which can be used again for the same query.
    Stored(StoredResponse),
}

/// The schema with everything that it needs. Cheap to clone.
#[derive(Clone)]
pub struct GraphqlExecutor {
    engine: Arc<Engine>,
    guard: Arc<Guard>,
    documents: Arc<DocumentSource>,
    cost_limiter: CostLimiter,
    sockets: OpenLimiter,
    subscriptions: OpenLimiter,
    shared: SharedEvents,
    responses: Arc<ResponseCache>,
    /// Maximum length in bytes of a document that is read.
    longest: usize,
    introspection: bool,
}

impl GraphqlExecutor {
    /// Builds the schema on `parts`. `tasks` runs what subscribers share.
    #[must_use]
    pub fn new(parts: GraphqlServices, config: &Config, tasks: TaskTracker) -> Self {
        let schema = schema::build(config);
        let guard = Arc::new(Guard::new(Arc::new(schema::types(&schema)), config.limits()));
        let metrics = Metrics::default();
        let responses = Arc::new(ResponseCache::new(config.response_cache_bytes(), metrics.clone()));
        Self {
            engine: Arc::new(Engine { schema, parts, metrics }),
            guard,
            documents: Arc::new(DocumentSource::new(config.trusted.clone())),
            cost_limiter: CostLimiter::new(config.rate(), config.organization_rate()),
            sockets: OpenLimiter::new(config.max_sockets),
            subscriptions: OpenLimiter::new(config.max_subscriptions),
            shared: SharedEvents::new(tasks),
            responses,
            longest: config.limits().bytes,
            introspection: config.introspection,
        }
    }

    /// The metrics of the operations.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.engine.metrics
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

    /// Compiles a request, and charges its cost to the client's rate limits.
    #[must_use]
    pub fn prepare(&self, caller: &Caller, mut request: Request) -> PendingRequest {
        let begun = Instant::now();
        let read = self.read(caller, &mut request).map_err(|errors| Box::new(self.reject(caller, errors, begun)));
        PendingRequest { request, read, begun }
    }

    /// Executes a query or a mutation, without stored responses.
    pub async fn execute(&self, caller: &Caller, request: Request) -> Response {
        match self.single(caller, self.prepare(caller, request)) {
            Ok((request, read, begun)) => self.run(caller, request, &read, begun).await,
            Err(rejected) => *rejected,
        }
    }

    /// Executes a query or a mutation, or returns the stored response to a query.
    pub async fn respond(&self, caller: &Caller, pending: PendingRequest) -> Executed {
        let (mut request, read, begun) = match self.single(caller, pending) {
            Ok(single) => single,
            Err(rejected) => return Executed::Own(*rejected),
        };
        let Some(key) = self.responses.key(&mut request, &caller.viewer, &read) else {
            return Executed::Own(self.run(caller, request, &read, begun).await);
        };
        let chats = &self.engine.parts.chats;
        let (version, now) = (chats.data_version(key.organization()), chats.now());
        if let Some(stored) = version.and_then(|version| self.responses.get(&key, version, now)) {
            self.metrics().answered_again(begun);
            return Executed::Stored(stored);
        }
        let freshness = Freshness::default();
        let response = self.run(caller, request.data(freshness.clone()), &read, begun).await;
        if !response.errors.is_empty() || freshness.until() <= now {
            return Executed::Own(response);
        }
        let stored = StoredResponse::new(answer::json(&response));
        if let Some(version) = version {
            self.responses.insert(key, stored.clone(), version, begun, &freshness);
        }
        Executed::Stored(stored)
    }

    /// Returns an operation with one response, or the response that rejects it.
    fn single(
        &self,
        caller: &Caller,
        PendingRequest { request, read, begun }: PendingRequest,
    ) -> Result<(Request, PreparedRequest, Instant), Box<Response>> {
        let read = read?;
        if read.subscribes() {
            return Err(Box::new(self.reject(caller, vec![not_a_stream()], begun)));
        }
        Ok((request, read, begun))
    }

    async fn run(&self, caller: &Caller, request: Request, read: &PreparedRequest, begun: Instant) -> Response {
        let response = self.engine.execute(caller, request, read).await;
        self.metrics().answered(Some(read.kind), begun, &response);
        response
    }

    /// Starts any operation. Execution begins when the answers are polled, and each answer waits for one of the
    /// `turns`.
    #[must_use]
    pub fn start(&self, caller: Caller, pending: PendingRequest, turns: &AnswerSlots) -> Operation {
        let PendingRequest { request, read, begun } = pending;
        let read = match read {
            Ok(read) => read,
            Err(rejected) => return Operation::rejected(*rejected),
        };
        if !read.subscribes() {
            let (kind, pace) = (read.kind, AnswerPacer::new(turns.clone()));
            let answers = self.engine.answers(caller, request, Arc::new(read), pace);
            return Operation::single(kind, answers).measured(self.metrics(), begun);
        }
        let Some(open) = self.subscriptions.open(&caller.viewer.organization) else {
            let most = self.subscriptions.limit();
            let error = too_many(most, "subscriptions", "--max-subscriptions-per-organization");
            return Operation::rejected(self.reject(&caller, vec![document::refusal(error)], begun));
        };
        let account = self.cost_limiter.account(&caller.viewer);
        let subscriber =
            Subscriber::new(Arc::clone(&self.engine), self.shared.clone(), caller, turns.clone(), account, open);
        subscriber.start(request, read).measured(self.metrics(), begun)
    }

    fn reject(&self, caller: &Caller, errors: Vec<ServerError>, begun: Instant) -> Response {
        let response = engine::finish(Response::from_errors(errors), caller, None);
        self.metrics().answered(None, begun, &response);
        response
    }

    fn read(&self, caller: &Caller, request: &mut Request) -> Result<PreparedRequest, Vec<ServerError>> {
        let refused = |error| vec![document::refusal(error)];
        self.cost_limiter.check(&caller.viewer).map_err(refused)?;
        // Reading is work, even if the document is then rejected.
        let length = request.query.len().min(self.longest) as u64;
        let operation_name = request.operation_name.clone();
        let found = self.documents.find(request).map_err(refused);
        let names = (!self.introspection && found.is_ok()).then(|| RequestNames::of(request));
        let compiled = found.and_then(|()| document::compile(&self.guard, request, names.as_ref()));
        let paid = compiled.and_then(|compiled| {
            let cost = compiled.cost.max(1);
            self.cost_limiter.pay(&caller.viewer, cost).map_err(refused)?;
            Ok(PreparedRequest { kind: compiled.kind, cost, shape: compiled.shape, names, operation_name })
        });
        if paid.is_err() {
            self.cost_limiter.take(&caller.viewer, length.max(1));
        }
        paid
    }

    /// Validates and executes a request with the engine alone, without the guard.
    #[cfg(test)]
    pub(crate) async fn execute_unguarded(&self, caller: &Caller, request: Request) -> Response {
        self.engine.execute_unguarded(caller, request).await
    }
}

fn too_many(most: usize, what: &str, flag: &str) -> ApiError {
    let advice = format!("close some, or ask the operator to raise {flag}");
    ApiError::limit_exceeded(format!("the organization has reached its limit of {most} open {what}; {advice}"))
}

fn not_a_stream() -> ServerError {
    let message = "a subscription requires a WebSocket, or the header Accept: text/event-stream";
    document::refusal(ApiError::new(ApiErrorCode::ValidationError, message))
}
