//! The real connection, and the only folder that uses the WhatsApp library. It only translates between both sides.
//!
//! - Connection: `client` creates the library's client, `connection` controls it, `account_check` rejects other
//!   accounts, and `auto_reconnect` disables the library's own reconnect.
//! - Events: `event_queue` receives them in order, `message_order` restores the order of messages, and `event`,
//!   `message` and `history` translate them. `history_download` downloads histories.
//! - Settings, from and to the wire: `setting`.
//! - App state: `app_state_sync`, and `sync_recovery` for recovery. `answers` and `actions` read what the library
//!   raises no event for.
//! - Endpoints: `sandbox`, `http`.
//! - Storage: `backend`.

mod account_check;
mod actions;
mod answers;
mod app_state_sync;
mod auto_reconnect;
mod backend;
mod client;
mod connection;
mod contacts;
mod event;
mod event_queue;
mod fetch_queue;
mod history;
mod history_download;
mod history_part;
mod http;
mod jid;
mod message;
mod message_edit;
mod message_order;
mod sandbox;
mod setting;
mod socket;
mod sync_loop;
mod sync_notifications;
mod sync_recovery;
mod text;
mod time;
mod translated;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::future::BoxFuture;
use tokio_util::task::TaskTracker;

use super::{
    Config, SessionKey, SessionMetrics,
    connection::{Connection, Connector, EventSinks, SessionError},
};
use crate::{
    domain::{clock::Clock, session::Session as StoredSession},
    store::{Store, error::StoreError},
};
use account_check::ExpectedAccount;
use backend::BackendPool;
use client::ConnectTarget;
use message_order::MessageOrder;

/// Connects sessions to WhatsApp, or to a sandbox.
pub(super) struct WhatsAppConnector {
    clock: Arc<dyn Clock>,
    config: Config,
    tasks: TaskTracker,
    store: Store,
    backends: BackendPool,
    events: SessionMetrics,
    /// Message order of each session that was connected.
    arrivals: Mutex<HashMap<SessionKey, Arc<MessageOrder>>>,
}

impl WhatsAppConnector {
    /// Creates the connector; nothing happens before the first [`Connector::connect`]. Ignored events are counted in
    /// `events`.
    pub(super) fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        config: Config,
        tasks: TaskTracker,
        events: SessionMetrics,
    ) -> Self {
        Self {
            clock,
            config,
            tasks,
            store: store.clone(),
            backends: BackendPool::new(store),
            events,
            arrivals: Mutex::default(),
        }
    }

    fn arrivals(&self) -> MutexGuard<'_, HashMap<SessionKey, Arc<MessageOrder>>> {
        // Recovers from poisoning: the map of handles is never left in a partial state.
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the session's account, and whether its device is linked to another one.
    async fn owner(&self, key: &SessionKey) -> Result<ExpectedAccount, SessionError> {
        let found =
            self.store.sessions_by_ids(&key.organization, &[key.session]).await.map_err(SessionError::from_failure)?;
        if let Some(column) = found.first().and_then(|session| session.damaged) {
            // The unreadable column may be the account: the session could be paired with a different one.
            return Err(SessionError::from_failure(StoreError::Corrupt { table: "session", column }));
        }
        let account = found.first().and_then(StoredSession::account);
        let linked = self.backends.linked(key).await.map_err(SessionError::from_failure)?;
        Ok(ExpectedAccount::new(account, linked.as_ref()))
    }
}

impl Connector for WhatsAppConnector {
    fn connect<'a>(
        &'a self,
        key: &'a SessionKey,
        sinks: EventSinks,
    ) -> BoxFuture<'a, Result<Arc<dyn Connection>, SessionError>> {
        Box::pin(async move {
            let owner = self.owner(key).await?;
            let arrivals = Arc::clone(self.arrivals().entry(key.clone()).or_default());
            let (sink, items) = event_queue::queue(self.config.commit_timeout, self.events.clone());
            let sink = sink.ordered_by(arrivals);
            let memory = self.backends.open(key, sink.clone()).await.map_err(SessionError::from_failure)?;
            let remembered = Arc::clone(&memory);
            let building = async {
                let way = ConnectTarget::to(&self.config.endpoint, memory.as_ref()).await?;
                client::build(&self.config, memory, sink, items, way, owner, sinks).await
            };
            let bot = tokio::select! {
                built = building => built?,
                () = remembered.damaged() => return Err(SessionError::Damaged),
            };
            let connection = bot.run(&self.config, Arc::clone(&self.clock), &self.tasks);
            Ok::<Arc<dyn Connection>, _>(Arc::new(connection))
        })
    }

    fn forget<'a>(&'a self, key: &'a SessionKey) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            self.arrivals().remove(key);
            self.backends.forget(key).await;
        })
    }

    fn is_linked<'a>(&'a self, key: &'a SessionKey) -> BoxFuture<'a, Result<bool, SessionError>> {
        Box::pin(async move { Ok(self.backends.linked(key).await.map_err(SessionError::from_failure)?.is_some()) })
    }
}

#[cfg(test)]
mod tests;
