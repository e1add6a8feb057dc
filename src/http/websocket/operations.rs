//! The operations on one WebSocket, each in its own task. Their messages wait in one short queue in order of arrival,
//! so an operation with many messages does not block the others.

use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc};

use async_graphql::{Request, parser::types::OperationType};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::{sync::mpsc, task::AbortHandle};
use tracing::{Instrument as _, Span};

use super::protocol::{Protocol, complete};
use crate::{
    graphql::{AnswerPermit, AnswerSlots, Caller, Operation, error::ApiError},
    http::{graphql_response, request_id::RequestId, response, state::HttpState},
};

/// Maximum number of messages in flight to one client, which limits the memory for a client that does not read.
const MAX_ANSWERS_IN_FLIGHT: usize = 8;

/// Running operations.
pub(super) struct Operations {
    http: Arc<HttpState>,
    protocol: Protocol,
    running: HashMap<Arc<str>, Running>,
    /// Total size of the requests, in bytes.
    held: usize,
    /// Number of operations so far, which distinguishes a running operation from an earlier one with the same id.
    count: u64,
    turns: AnswerSlots,
    saying: mpsc::Sender<QueuedMessage>,
    said: mpsc::Receiver<QueuedMessage>,
}

struct Running {
    number: u64,
    bytes: usize,
    task: AbortHandle,
}

/// A message of an operation.
struct QueuedMessage {
    id: Arc<str>,
    number: u64,
    text: String,
    is_last: bool,
    turn: Option<AnswerPermit>,
}

/// A message for the client. Dropping it releases its slot.
pub(super) struct OutgoingMessage {
    pub(super) text: String,
    _turn: Option<AnswerPermit>,
}

impl Operations {
    pub(super) fn new(http: Arc<HttpState>, protocol: Protocol) -> Self {
        let (saying, said) = mpsc::channel(MAX_ANSWERS_IN_FLIGHT);
        let (running, turns) = (HashMap::new(), AnswerSlots::new(MAX_ANSWERS_IN_FLIGHT));
        Self { http, protocol, running, held: 0, count: 0, turns, saying, said }
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
        self.count += 1;
        let (id, number): (Arc<str>, _) = (id.into(), self.count);
        let operation = self.http.parts.api.start(caller.clone(), request, &self.turns);
        let speaker = OperationTask {
            http: Arc::clone(&self.http),
            protocol: self.protocol,
            id: Arc::clone(&id),
            number,
            saying: self.saying.clone(),
        };
        let task = self.http.parts.tasks.spawn(speaker.run(operation, caller).instrument(Span::current()));
        self.running.insert(id, Running { number, bytes, task: task.abort_handle() });
        self.held += bytes;
    }

    /// Stops an operation. Returns whether there was one.
    pub(super) fn stop(&mut self, id: &str) -> bool {
        let Some(running) = self.running.remove(id) else { return false };
        self.held -= running.bytes;
        running.task.abort();
        true
    }

    /// Returns the next message. Cancel-safe.
    pub(super) async fn next(&mut self) -> OutgoingMessage {
        loop {
            let said = self.said.recv().await.expect("`self` holds a sender");
            let QueuedMessage { id, number, text, is_last, turn } = said;
            if self.running.get(&id).is_none_or(|running| running.number != number) {
                continue;
            }
            if is_last {
                self.stop(&id);
            }
            return OutgoingMessage { text, _turn: turn };
        }
    }
}

impl Drop for Operations {
    fn drop(&mut self) {
        self.running.values().for_each(|running| running.task.abort());
    }
}

/// The task of one operation.
struct OperationTask {
    http: Arc<HttpState>,
    protocol: Protocol,
    id: Arc<str>,
    number: u64,
    saying: mpsc::Sender<QueuedMessage>,
}

impl OperationTask {
    /// Sends all responses of the operation. A panic is sent as an internal error.
    async fn run(self, operation: Operation, caller: Caller) {
        let spoken = AssertUnwindSafe(self.send_answers(operation)).catch_unwind().await;
        if spoken.is_err() {
            let error = response::error(ApiError::internal(), &RequestId(caller.request_id));
            self.send(self.protocol.error(&self.id, &[error]), true, None).await;
        }
    }

    async fn send_answers(&self, mut operation: Operation) {
        while let Some(answer) = operation.answers.next().await {
            let (response, turn) = (answer.response, answer.turn);
            if graphql_response::is_terminal(operation.kind, &response) {
                // After the close frame of a stopping server, the client reconnects and resumes; an error would end its
                // subscription.
                let stops = operation.kind == Some(OperationType::Subscription) && self.http.is_closing();
                if !stops {
                    self.send(self.protocol.error(&self.id, &response.errors), true, turn).await;
                }
                return;
            }
            self.send(self.protocol.next(&self.id, &response), false, turn).await;
        }
        self.send(complete(&self.id), true, None).await;
    }

    async fn send(&self, text: String, is_last: bool, turn: Option<AnswerPermit>) {
        let said = QueuedMessage { id: Arc::clone(&self.id), number: self.number, text, is_last, turn };
        // Sending fails only if the connection is closed.
        let _ = self.saying.send(said).await;
    }
}
