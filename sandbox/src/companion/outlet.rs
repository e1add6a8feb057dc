//! The sending end of one connection.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use tokio::sync::{mpsc, oneshot};

use crate::{
    lock::locked,
    wire::node::{Node, attr},
};

/// Work for a connection's writer.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// Send this stanza.
    Stanza(Node),
    /// Send a close frame, with a reason for the log, and end.
    Close(&'static str),
    /// Send half of this stanza and drop the connection, as when a cable is pulled.
    Half(Node),
    /// Drop the connection.
    Cut,
}

/// Sender of one connection. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Outlet {
    id: u64,
    // Unbounded: unconfirmed stanzas are queued in any case, so a bound would save nothing, and could block a phone
    // while a client does not read.
    outgoing: mpsc::UnboundedSender<Outgoing>,
    replies: Arc<Mutex<HashMap<String, oneshot::Sender<Node>>>>,
}

impl Outlet {
    /// Creates both ends of the connection `id`.
    pub(crate) fn new(id: u64) -> (Self, mpsc::UnboundedReceiver<Outgoing>) {
        let (outgoing, receiver) = mpsc::unbounded_channel();
        (Self { id, outgoing, replies: Arc::default() }, receiver)
    }

    /// Returns whether the other one is the same connection.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.id == other.id
    }

    /// Sends a stanza; ignored if the connection is closed.
    pub(crate) fn send(&self, node: Node) {
        let _ = self.outgoing.send(Outgoing::Stanza(node));
    }

    /// Closes the connection after everything that was sent before.
    pub(crate) fn close(&self, reason: &'static str) {
        let _ = self.outgoing.send(Outgoing::Close(reason));
    }

    /// Sends half of a stanza after everything that was sent before, and drops the connection.
    pub(crate) fn cut_within(&self, node: Node) {
        let _ = self.outgoing.send(Outgoing::Half(node));
    }

    /// Drops the connection after everything that was sent before.
    pub(crate) fn cut(&self) {
        let _ = self.outgoing.send(Outgoing::Cut);
    }

    /// Sends a request with an id, and waits for the answer; `None` if the connection ends first.
    pub(crate) async fn ask(&self, request: Node) -> Option<Node> {
        let (reply, answer) = oneshot::channel();
        let id = attr(&request, "id")?;
        locked(&self.replies).insert(id, reply);
        self.send(request);
        answer.await.ok()
    }

    /// Passes an answer to its waiting request.
    pub(crate) fn answered(&self, answer: &Node) {
        let waiting = attr(answer, "id").and_then(|id| locked(&self.replies).remove(&id));
        if let Some(reply) = waiting {
            let _ = reply.send(answer.clone());
        }
    }

    /// Drops all waiting requests of a closed connection.
    pub(crate) fn ended(&self) {
        locked(&self.replies).clear();
    }
}
