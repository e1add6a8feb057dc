//! A history on its way in: taken apart on a thread of its own, and put on the lane part by part.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tracing::error;
use tracing::warn;
use whatsapp_rust::types::events::Event;

use super::Inbox;
use super::NobodyListens;
use super::history;
use super::jid;
use crate::session::SessionEvent;

impl Inbox {
    /// The announcement of the part that comes now; one of our own making when it is not there yet.
    async fn notice(&mut self) -> Result<String, NobodyListens> {
        if let Some(notice) = self.announced.part() {
            return Ok(notice);
        }
        let notice = format!("early {:016x}", getrandom::u64().expect("the operating system has random bytes"));
        self.forward(SessionEvent::HistoryAnnounced { notice: notice.clone() }, None).await?;
        Ok(notice)
    }

    /// Takes a history apart on a thread of its own; one part is on the lane at a time, and three at most wait for it.
    pub(super) async fn history(&mut self, event: Arc<Event>) -> Result<(), NobodyListens> {
        let notice = self.notice().await?;
        if !self.walk(event).await? {
            self.forward(SessionEvent::HistoryLost, None).await?;
        }
        self.forward(SessionEvent::HistoryTold { notice }, None).await
    }

    /// Tells whether all of it could be read.
    async fn walk(&mut self, event: Arc<Event>) -> Result<bool, NobodyListens> {
        let own = self.client.pn().as_ref().and_then(jid::from_wire);
        let Some(own) = own else {
            warn!("A history came before the account was known; it is left out");
            return Ok(false);
        };
        let (parts, mut walked) = mpsc::channel(1);
        let since = self.since;
        let walking = spawn_blocking(move || match event.as_ref() {
            Event::HistorySync(history) => {
                history::walk(history, &own, since, |part| parts.blocking_send(part).is_ok())
            }
            _ => Ok(()),
        });
        while let Some(part) = walked.recv().await {
            if let Some(before) = self.importing.take() {
                // It may have been set aside.
                let _ = before.await;
            }
            let (committed, stored) = oneshot::channel();
            self.forward(SessionEvent::History(part), Some(committed)).await?;
            self.importing = Some(stored);
        }
        match walking.await {
            Ok(Ok(())) => return Ok(true),
            Ok(Err(error)) => warn!(error = &*error as &dyn std::error::Error, "A part of the history is damaged"),
            Err(error) => error!(%error, "Reading the history died"),
        }
        Ok(false)
    }
}
