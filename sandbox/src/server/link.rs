//! The sending end of one connection, for everybody who has something to say to the client on it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use tokio::sync::{mpsc, oneshot};

use crate::{
    locked,
    wire::node::{Node, attr},
};

/// What a connection's writer is to do next.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// Send this.
    Stanza(Node),
    /// Say good-bye, with a reason for the log, and end.
    Close(&'static str),
    /// Send half of this, and end without another word, as when a cable is pulled.
    Half(Node),
    /// End without a word.
    Cut,
}

/// One connection, to send on. Clones send on the same one.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    id: u64,
    // Unbounded: what a client has not fetched stays in its queue in any case, so a bound here would
    // save nothing and could make a phone wait for a client that does not read.
    outgoing: mpsc::UnboundedSender<Outgoing>,
    replies: Arc<Mutex<HashMap<String, oneshot::Sender<Node>>>>,
}

impl Link {
    /// The two ends of a connection that is number `id`.
    pub(crate) fn new(id: u64) -> (Self, mpsc::UnboundedReceiver<Outgoing>) {
        let (outgoing, receiver) = mpsc::unbounded_channel();
        (Self { id, outgoing, replies: Arc::default() }, receiver)
    }

    /// Whether the other is the same connection.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.id == other.id
    }

    /// Sends a stanza; into the void if the connection is gone.
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

    /// Hands an answer to whoever asked.
    pub(crate) fn answered(&self, answer: &Node) {
        let waiting = attr(answer, "id").and_then(|id| locked(&self.replies).remove(&id));
        if let Some(reply) = waiting {
            let _ = reply.send(answer.clone());
        }
    }

    /// The connection has ended: nobody will be answered any more.
    pub(crate) fn ended(&self) {
        locked(&self.replies).clear();
    }
}
