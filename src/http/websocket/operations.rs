//! The operations on one WebSocket. Each runs in its own task, and their messages wait in one short queue in order of
//! arrival, so an operation with many messages does not block the others. The events that a subscription shares with
//! others need no task and no queue: they are taken when the client can receive them.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use async_graphql::{Request, parser::types::OperationType};
use futures_util::{FutureExt as _, Stream};
use tokio::{sync::mpsc, task::AbortHandle};
use tokio_stream::{StreamExt as _, StreamMap};
use tracing::{Instrument as _, Span};

use super::protocol::{Protocol, complete};
use crate::{
    graphql::{Answer, AnswerPermit, AnswerSlots, Caller, Operation, error::ApiError},
    http::{request_id::RequestId, response, state::HttpState},
};

/// Maximum number of messages in flight to one client, which limits the memory for a client that does not read.
const MAX_ANSWERS_IN_FLIGHT: usize = 8;

/// Running operations.
pub(super) struct Operations {
    http: Arc<HttpState>,
    protocol: Protocol,
    request: RequestId,
    running: HashMap<Arc<str>, Running>,
    /// The subscriptions with shared events.
    shared: StreamMap<Arc<str>, SharedSubscription>,
    /// Total size of the requests, in bytes.
    held: usize,
    /// Number of tasks so far, which distinguishes the task of an operation from an earlier one with the same id.
    count: u64,
    turns: AnswerSlots,
    saying: mpsc::Sender<QueuedMessage>,
    said: mpsc::Receiver<QueuedMessage>,
}

struct Running {
    bytes: usize,
    /// The number of its task, and the task; `None` while its events are shared.
    task: Option<(u64, AbortHandle)>,
}

/// A message of an operation's task. Boxed, because the queue allocates space for many messages at once.
type QueuedMessage = Box<TaskMessage>;

struct TaskMessage {
    id: Arc<str>,
    number: u64,
    content: Content,
}

enum Content {
    /// An answer of the operation.
    Answer(OutgoingMessage),
    /// The last message of the operation.
    End(OutgoingMessage),
    /// The operation continues with shared events, and its task ends.
    Shared(Operation),
}

/// A message for the client. Dropping it releases its slot.
pub(super) struct OutgoingMessage {
    pub(super) text: String,
    pub(super) turn: Option<AnswerPermit>,
}

impl OutgoingMessage {
    fn new(text: String, answer: Option<Answer>) -> Self {
        Self { text, turn: answer.and_then(Answer::into_turn) }
    }
}

impl Operations {
    pub(super) fn new(http: Arc<HttpState>, protocol: Protocol, request: RequestId) -> Self {
        let (saying, said) = mpsc::channel(MAX_ANSWERS_IN_FLIGHT);
        let (running, shared, turns) = (HashMap::new(), StreamMap::new(), AnswerSlots::new(MAX_ANSWERS_IN_FLIGHT));
        Self { http, protocol, request, running, shared, held: 0, count: 0, turns, saying, said }
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.running.contains_key(id)
    }

    /// Returns the error if no further operation can start.
    pub(super) fn limit_reached(&self, bytes: usize) -> Option<ApiError> {
        let (most, longest) = (self.http.config.max_operations, self.http.config.max_body);
        if self.running.len() >= most {
            return Some(ApiError::limit_exceeded(format!(
                "too many operations on one connection: at most {most} are allowed"
            )));
        }
        let all = "the operations of one connection are too large: together they may have at most";
        (self.held + bytes > longest).then(|| ApiError::limit_exceeded(format!("{all} {longest} bytes")))
    }

    /// Starts an operation whose message had this many bytes.
    pub(super) fn start(&mut self, id: &str, bytes: usize, caller: Caller, request: Request) {
        let api = &self.http.parts.api;
        let pending = api.prepare(&caller, request);
        let operation = api.start(caller, pending, &self.turns);
        let id: Arc<str> = id.into();
        let task = Some(self.spawn(&id, operation));
        self.running.insert(id, Running { bytes, task });
        self.held += bytes;
    }

    fn spawn(&mut self, id: &Arc<str>, operation: Operation) -> (u64, AbortHandle) {
        self.count += 1;
        let task = OperationTask {
            http: Arc::clone(&self.http),
            protocol: self.protocol,
            request: self.request.clone(),
            id: Arc::clone(id),
            number: self.count,
            saying: self.saying.clone(),
        };
        let task = self.http.parts.tasks.spawn(task.run(operation).instrument(Span::current()));
        (self.count, task.abort_handle())
    }

    /// Stops an operation. Returns whether there was one.
    pub(super) fn stop(&mut self, id: &str) -> bool {
        let Some(running) = self.running.remove(id) else { return false };
        self.held -= running.bytes;
        match running.task {
            Some((_, task)) => task.abort(),
            None => drop(self.shared.remove(id)),
        }
        true
    }

    /// Returns the next message. Cancel-safe.
    pub(super) async fn next(&mut self) -> OutgoingMessage {
        loop {
            tokio::select! {
                said = self.said.recv() => {
                    let said = said.expect("`self` holds a sender");
                    if let Some(message) = self.receive(*said) {
                        return message;
                    }
                }
                Some((id, answer)) = self.shared.next(), if !self.shared.is_empty() => match answer {
                    Some(answer) => {
                        let text = self.protocol.next(&id, &answer.json());
                        return OutgoingMessage::new(text, Some(answer));
                    }
                    None => self.continue_alone(&id),
                },
            }
        }
    }

    fn receive(&mut self, TaskMessage { id, number, content }: TaskMessage) -> Option<OutgoingMessage> {
        let running = self.running.get_mut(&id)?;
        if running.task.as_ref().is_none_or(|(current, _)| *current != number) {
            return None;
        }
        match content {
            Content::Answer(message) => Some(message),
            Content::End(message) => {
                self.stop(&id);
                Some(message)
            }
            Content::Shared(operation) => {
                running.task = None;
                self.shared.insert(id, SharedSubscription(operation));
                None
            }
        }
    }

    /// Continues a subscription in a task, until its events are shared again.
    fn continue_alone(&mut self, id: &Arc<str>) {
        let Some(SharedSubscription(operation)) = self.shared.remove(id) else { return };
        let task = self.spawn(id, operation);
        if let Some(running) = self.running.get_mut(id) {
            running.task = Some(task);
        }
    }
}

impl Drop for Operations {
    fn drop(&mut self) {
        self.running.values().filter_map(|running| running.task.as_ref()).for_each(|(_, task)| task.abort());
    }
}

/// A subscription with shared events; `None` if it must continue alone.
struct SharedSubscription(Operation);

impl Stream for SharedSubscription {
    type Item = Option<Answer>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_shared(context).map(Some)
    }
}

/// The task of one operation.
struct OperationTask {
    http: Arc<HttpState>,
    protocol: Protocol,
    request: RequestId,
    id: Arc<str>,
    number: u64,
    saying: mpsc::Sender<QueuedMessage>,
}

impl OperationTask {
    /// Sends the answers of the operation. A panic is sent as an internal error.
    async fn run(self, operation: Operation) {
        let spoken = AssertUnwindSafe(self.send_answers(operation)).catch_unwind().await;
        if spoken.is_err() {
            let error = response::error(ApiError::internal(), &self.request);
            self.send(Content::End(OutgoingMessage::new(self.protocol.error(&self.id, &[error]), None))).await;
        }
    }

    async fn send_answers(&self, mut operation: Operation) {
        while !operation.join_shared() {
            let Some(answer) = operation.next().await else {
                return self.send(Content::End(OutgoingMessage::new(complete(&self.id), None))).await;
            };
            if let Some(errors) = answer.failure(operation.kind) {
                // After the close frame of a stopping server, the client reconnects and resumes; an error would end its
                // subscription.
                let stops = operation.kind == Some(OperationType::Subscription) && self.http.is_closing();
                if !stops {
                    let text = self.protocol.error(&self.id, errors);
                    self.send(Content::End(OutgoingMessage::new(text, Some(answer)))).await;
                }
                return;
            }
            let text = self.protocol.next(&self.id, &answer.json());
            self.send(Content::Answer(OutgoingMessage::new(text, Some(answer)))).await;
        }
        self.send(Content::Shared(operation)).await;
    }

    async fn send(&self, content: Content) {
        let said = TaskMessage { id: Arc::clone(&self.id), number: self.number, content };
        // Sending fails only if the connection is closed.
        let _ = self.saying.send(Box::new(said)).await;
    }
}
