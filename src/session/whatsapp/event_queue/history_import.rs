//! Import of histories beside other events: parsed in a thread of its own, and sent to the session's event queue part
//! by part. A live message waits for a few units of a history, not for all of it.

use std::sync::Arc;

use tokio::{
    sync::{mpsc, oneshot},
    task::spawn_blocking,
};
use tracing::{error, warn};
use whatsapp_rust::{Client, types::events::Event};

use super::ReceiverGone;
use crate::session::{
    EventSender, InboundEvent, SessionEvent, SessionMetrics,
    whatsapp::{history, history_part::Part, jid},
};

/// A downloaded history, and the announced part that it contains.
pub(in crate::session::whatsapp) type Arrived = (Arc<Event>, Arc<Part>);

/// The importer of histories.
pub(in crate::session::whatsapp) struct Importer {
    pub(in crate::session::whatsapp) sender: EventSender,
    pub(in crate::session::whatsapp) client: Arc<Client>,
    /// Messages before this time are skipped.
    pub(in crate::session::whatsapp) since: Option<i64>,
    /// The metrics.
    pub(in crate::session::whatsapp) events: SessionMetrics,
}

impl Importer {
    /// Imports one history after the other, until the history queue or the event queue is closed.
    pub(in crate::session::whatsapp) async fn run(self, mut histories: mpsc::UnboundedReceiver<Arrived>) {
        while let Some((event, part)) = histories.recv().await {
            let is_over = self.import(event, &part).await.is_err();
            part.is_done();
            if is_over {
                return;
            }
        }
    }

    async fn import(&self, event: Arc<Event>, part: &Part) -> Result<(), ReceiverGone> {
        if !self.walk(event).await? {
            self.forward(SessionEvent::HistoryLost, None).await?;
        }
        let (committed, stored) = oneshot::channel();
        self.forward(SessionEvent::HistoryPartDone { notice: part.notice.clone() }, Some(committed)).await?;
        // If it is not stored, the part is downloaded again, which changes nothing.
        let _ = stored.await;
        Ok(())
    }

    /// Returns whether all of it could be read and is stored.
    async fn walk(&self, event: Arc<Event>) -> Result<bool, ReceiverGone> {
        let own = self.client.pn().as_ref().and_then(|own| jid::from_wire(own).ok());
        let Some(own) = own else {
            warn!("Ignored a history that arrived before the account was known");
            return Ok(false);
        };
        let (parts, mut walked) = mpsc::channel(1);
        let since = self.since;
        let walking = spawn_blocking(move || match event.as_ref() {
            Event::HistorySync(history) => {
                history::walk(history, &own, since, |part| parts.blocking_send(part).is_ok())
            }
            _ => Ok(0),
        });
        let mut is_whole = true;
        let mut importing: Option<oneshot::Receiver<()>> = None;
        while let Some(part) = walked.recv().await {
            if let Some(before) = importing.take() {
                is_whole &= before.await.is_ok();
            }
            let (committed, stored) = oneshot::channel();
            self.forward(SessionEvent::History(part), Some(committed)).await?;
            importing = Some(stored);
        }
        if let Some(last) = importing {
            is_whole &= last.await.is_ok();
        }
        match walking.await {
            Ok(Ok(0)) => return Ok(is_whole),
            Ok(Ok(count)) => {
                warn!(count, "Ignored chats or messages of the history with unsupported addresses");
                self.events.untranslatable("HistorySync", count);
            }
            Ok(Err(error)) => warn!(error = &*error as &dyn std::error::Error, "A part of the history is corrupt"),
            Err(error) => error!(%error, "Parsing the history panicked"),
        }
        Ok(false)
    }

    async fn forward(&self, event: SessionEvent, committed: Option<oneshot::Sender<()>>) -> Result<(), ReceiverGone> {
        self.sender.send(InboundEvent { event, committed }).await.map_err(|_| ReceiverGone)
    }
}
