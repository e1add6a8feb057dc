//! Execution of compiled operations by the engine, with the client's capabilities and its own loaders. Completes the
//! responses as the contract requires.

use std::{panic::AssertUnwindSafe, sync::Arc};

use async_graphql::{Request, Response, parser::types::OperationType};
use futures_util::{
    FutureExt as _, StreamExt as _,
    stream::{self, BoxStream},
};
use graphql_guard::Shape;
use tracing::{Instrument as _, Span, debug_span};

use super::{
    answer::Answer,
    backpressure::AnswerPacer,
    change_cursor,
    error::{ApiError, engine_error},
    loader::Loaders,
    loader_scheduler::PendingBatches,
    metrics::{self, Metrics},
    request_names::RequestNames,
    response_shape,
    schema::Schema,
    services::GraphqlServices,
};
#[cfg(test)]
use super::{rendering::by_engine, schema};
use crate::auth::viewer::Viewer;

/// The client that sent a request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The viewer that the token authenticates.
    pub viewer: Arc<Viewer>,
    /// The request id in the log.
    pub request_id: Arc<str>,
}

/// A request whose document was compiled.
pub(super) struct PreparedRequest {
    pub(super) kind: OperationType,
    pub(super) cost: u64,
    pub(super) shape: Shape,
    /// The names that errors may contain; `None` if that is all of them.
    pub(super) names: Option<RequestNames>,
    /// The name of the operation, if the request has one.
    pub(super) operation_name: Option<String>,
}

impl PreparedRequest {
    pub(super) fn subscribes(&self) -> bool {
        self.kind == OperationType::Subscription
    }

    /// The span of the operation. It does not contain the operation's name, which the client chooses.
    fn span(&self) -> Span {
        debug_span!("operation", kind = metrics::operation_label(Some(self.kind)))
    }

    fn complete(&self, mut response: Response, caller: &Caller) -> Response {
        response_shape::apply(self.shape.fields(), &mut response);
        finish(response, caller, self.names.as_ref())
    }
}

/// The schema with everything that its resolvers need. Cheap to clone.
#[derive(Clone)]
pub(super) struct Engine {
    pub(super) schema: Schema,
    pub(super) parts: GraphqlServices,
    pub(super) metrics: Metrics,
}

impl Engine {
    /// Executes a query or a mutation.
    pub(super) async fn execute(&self, caller: &Caller, request: Request, prepared: &PreparedRequest) -> Response {
        let request = change_cursor::read_before(request, &self.parts.chats, &caller.viewer).await;
        let (request, batches) = self.attach_context(caller, request);
        let mut execution = batches.drive_while_polling(stream::once(self.schema.execute(request)));
        let executed = AssertUnwindSafe(execution.next()).catch_unwind().instrument(prepared.span()).await;
        prepared.complete(executed.ok().flatten().unwrap_or_else(panicked), caller)
    }

    /// The answers of any operation. Execution begins when they are polled, and each answer waits for its turn.
    pub(super) fn answers(
        &self,
        caller: Caller,
        request: Request,
        prepared: Arc<PreparedRequest>,
        pace: AnswerPacer,
    ) -> BoxStream<'static, Answer> {
        let (request, batches) = self.attach_context(&caller, request.data(pace.clone()));
        let (schema, first_turn, waits) = (self.schema.clone(), pace.clone(), !prepared.subscribes());
        let (chats, viewer) = (self.parts.chats.clone(), Arc::clone(&caller.viewer));
        let execution = async move {
            if waits {
                first_turn.begin(None).await;
            }
            let request = change_cursor::read_before(request, &chats, &viewer).await;
            schema.execute_stream(request)
        };
        let (span, mut executing) = (prepared.span(), batches.drive_while_polling(execution.flatten_stream()));
        let executing = stream::poll_fn(move |context| span.in_scope(|| executing.poll_next_unpin(context)));
        let metrics = self.metrics.clone();
        let responses = AssertUnwindSafe(executing).catch_unwind();
        let answers = responses.map(move |response| {
            let response = prepared.complete(response.unwrap_or_else(|_| panicked()), &caller);
            let answer = Answer::Own(Box::new(response), pace.take());
            if answer.position().is_some() {
                metrics.event_executed();
            }
            answer
        });
        answers.boxed()
    }

    /// Validates and executes a request with the engine alone, without the guard.
    #[cfg(test)]
    pub(super) async fn execute_unguarded(&self, caller: &Caller, request: Request) -> Response {
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

/// Adds to the errors of a response what the contract requires.
pub(super) fn finish(mut response: Response, caller: &Caller, names: Option<&RequestNames>) -> Response {
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
