//! The connection of a running client: its commands, and its shutdown.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument, warn};
use whatsapp_rust::{
    AppStateError, Client,
    pair_code::{PairCodeOptions, PairError},
    request::IqError,
    wacore::appstate::patch_decode::WAPatchName,
};

use super::{
    app_state_sync::{AppStateSync, COLLECTIONS, FetchOutcome, SyncSuspicion},
    backend::Upload,
    event_queue::{EventSink, login},
    jid, setting,
};
use crate::{
    domain::{clock::Clock, jid::Jid, pending_action::PendingAction},
    session::connection::{Connection, SessionError, StillWanted},
};

/// Time limit for requesting a phone code: up to 30 s for WhatsApp, and the rest for the key derivation.
const PHONE_CODE: Duration = Duration::from_secs(90);

/// A running client of the library.
pub(super) struct WhatsAppConnection {
    pub(super) client: Arc<Client>,
    pub(super) collections: AppStateSync,
    pub(super) sink: EventSink,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) in_step: Arc<AtomicU64>,
    pub(super) action_timeout: Duration,
    pub(super) disconnect_timeout: Duration,
    pub(super) tasks: TaskTracker,
    /// Cancels its tasks.
    pub(super) cut: CancellationToken,
    /// Cancelled when its reader has ended, which is the last of its tasks.
    pub(super) ended: CancellationToken,
}

impl WhatsAppConnection {
    fn is_in_step(&self) -> bool {
        login(&self.client) == Some(self.in_step.load(Ordering::Acquire))
    }

    fn failure(&self, error: AppStateError, collection: WAPatchName) -> SessionError {
        // The library has no error type for a rejection, only this text.
        let text = error.to_string();
        if text.contains("rejected") {
            // A patch on top of app state that was read incorrectly is rejected, too.
            self.collections.report_suspicion(SyncSuspicion::Refused(collection));
            SessionError::Refused(format!("the app-state patch was rejected ({text})"))
        } else if self.is_in_step() {
            SessionError::from_failure(error)
        } else {
            SessionError::NotConnected
        }
    }
}

impl Connection for WhatsAppConnection {
    fn set<'a>(&'a self, action: &'a PendingAction, wanted: StillWanted) -> BoxFuture<'a, Result<(), SessionError>> {
        Box::pin(async move {
            if !self.is_in_step() {
                return Err(SessionError::NotConnected);
            }
            let (client, command) = (Arc::clone(&self.client), setting::command(action, self.clock.now()));
            let collection = command.schema.collection.as_str().parse().unwrap_or(WAPatchName::Unknown);
            if self.collections.is_failing(collection) {
                return Err(SessionError::NotNow);
            }
            let sink = self.sink.clone();
            let upload = Upload::new(Arc::new(move || {
                let (sink, wanted) = (sink.clone(), Arc::clone(&wanted));
                // Store all delivered changes of the collection first.
                Box::pin(async move { sink.all_stored().await && wanted().await })
            }));
            // Cancelling between two of its writes would leave an inconsistent collection, so the task continues on its
            // own.
            let sending = async move {
                client.send_app_state_action(command.schema, &[command.chat.as_str()], &command.value).await
            };
            let sending = Arc::clone(&upload).scope(sending);
            let sending = self.cut.clone().run_until_cancelled_owned(sending).in_current_span();
            match timeout(self.action_timeout, self.tasks.spawn(sending)).await {
                Ok(Ok(Some(Err(_)))) if upload.is_dropped() => Err(SessionError::NotWanted),
                Ok(Ok(Some(outcome))) => outcome.map_err(|error| self.failure(error, collection)),
                Ok(Err(died)) => Err(SessionError::from_failure(died)),
                Err(_) if self.is_in_step() => Err(SessionError::TimedOut),
                Ok(Ok(None)) | Err(_) => Err(SessionError::NotConnected),
            }
        })
    }

    fn reject_call<'a>(&'a self, call: &'a str, from: &'a Jid) -> BoxFuture<'a, Result<(), SessionError>> {
        Box::pin(async move {
            if !self.is_in_step() {
                return Err(SessionError::NotConnected);
            }
            let from = jid::to_wire(from);
            self.client.voip().reject_call(call, &from, &from).await.map_err(SessionError::from_failure)
        })
    }

    fn send_text<'a>(&'a self, to: &'a Jid, text: &'a str) -> BoxFuture<'a, Result<String, SessionError>> {
        Box::pin(async move {
            if !self.is_in_step() {
                return Err(SessionError::NotConnected);
            }
            let (client, to, text) = (Arc::clone(&self.client), jid::to_wire(to), text.to_owned());
            // Cancelling half-way would use up keys without a message, so the task continues on its own.
            let sending = async move { client.send_text(to, text).await };
            let sending = self.cut.clone().run_until_cancelled_owned(sending).in_current_span();
            match self.tasks.spawn(sending).await {
                Ok(Some(sent)) => sent.map(|sent| sent.message_id).map_err(SessionError::from_failure),
                Ok(None) => Err(SessionError::NotConnected),
                Err(died) => Err(SessionError::from_failure(died)),
            }
        })
    }

    fn phone_code<'a>(&'a self, phone: &'a str) -> BoxFuture<'a, Result<String, SessionError>> {
        Box::pin(async move {
            // The library rejects a second request while the first code is valid.
            self.client.cancel_pair_code().await;
            let options = PairCodeOptions { phone_number: phone.to_owned(), ..PairCodeOptions::default() };
            match timeout(PHONE_CODE, self.client.pair_with_code(options)).await {
                Ok(Ok(code)) => Ok(code),
                Ok(Err(PairError::RequestFailed(IqError::ServerError { text, .. }))) => {
                    Err(SessionError::Refused(text))
                }
                Ok(Err(error)) => Err(SessionError::from_failure(error)),
                Err(_) => Err(SessionError::TimedOut),
            }
        })
    }

    fn resync(&self) -> BoxFuture<'_, Result<(), SessionError>> {
        Box::pin(async move {
            if !self.is_in_step() {
                return Err(SessionError::NotConnected);
            }
            let mut is_read = true;
            for name in COLLECTIONS {
                let moved_to = self.collections.read_to(name).await;
                let outcome = self.collections.full_sync(name, moved_to).await;
                if matches!(outcome, FetchOutcome::Unreadable | FetchOutcome::KeyMissing) {
                    self.collections.report_suspicion(SyncSuspicion::MacMismatch(name));
                }
                is_read &= outcome == FetchOutcome::Read;
            }
            let stored = timeout(self.action_timeout, self.sink.all_stored()).await.unwrap_or(false);
            if is_read && stored { Ok(()) } else { Err(SessionError::TimedOut) }
        })
    }

    fn log_out(&self) -> BoxFuture<'_, Result<(), SessionError>> {
        Box::pin(async move {
            if !self.is_in_step() {
                return Err(SessionError::NotConnected);
            }
            // The library only logs whether WhatsApp received it.
            timeout(self.action_timeout, self.client.logout()).await.map_err(|_| SessionError::TimedOut)
        })
    }

    fn disconnect(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let leaving = self.client.disconnect();
            // With a value that cannot be decrypted the library's shutdown hangs, so do not wait for it.
            let memory = &self.collections.memory;
            if !memory.is_damaged() && timeout(self.disconnect_timeout, leaving).await.is_err() {
                warn!("Disconnect timed out; aborting the connection");
            }
            self.client.signal_shutdown_sync();
            self.cut.cancel();
            // Wait however long the database takes: received events must not be lost, nor overtaken by those of the next
            // connection. This ends at once if the event queue's consumer is gone.
            self.ended.cancelled().await;
            memory.let_go();
        })
    }
}

/// A connection that its supervisor has dropped must not run beside the next one.
impl Drop for WhatsAppConnection {
    fn drop(&mut self) {
        self.client.signal_shutdown_sync();
        self.cut.cancel();
    }
}
