//! The real connection. The only folder that names the WhatsApp library, and all it does is translate: what the library
//! tells (`inbox` takes it in order, `event`, `message` and `history` put it in domain words), what it is told
//! (`command`), where it connects (`sandbox`, `http`) and what it remembers (`backend`).

mod backend;
mod client;
mod command;
mod contacts;
mod event;
mod history;
mod http;
mod inbox;
mod jid;
mod message;
mod notices;
mod rewriting;
mod sandbox;
mod socket;

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::task::TaskTracker;

use super::Config;
use super::Events;
use super::SessionKey;
use super::connection::Connector;
use super::connection::Outlets;
use super::connection::Session;
use super::connection::SessionError;
use crate::domain::clock::Clock;
use crate::store::Store;
use backend::Backends;

/// Connects sessions with WhatsApp, or with a sandbox.
pub(super) struct WhatsApp {
    clock: Arc<dyn Clock>,
    config: Config,
    tasks: TaskTracker,
    backends: Backends,
    events: Events,
}

impl WhatsApp {
    /// Nothing happens before the first [`Connector::connect`]. `events` counts what nothing becomes of.
    pub(super) fn new(store: Store, clock: Arc<dyn Clock>, config: Config, tasks: TaskTracker, events: Events) -> Self {
        Self { clock, config, tasks, backends: Backends::new(store), events }
    }
}

#[async_trait]
impl Connector for WhatsApp {
    async fn connect(&self, key: &SessionKey, outlets: Outlets) -> Result<Arc<dyn Session>, SessionError> {
        let (ears, items) = inbox::queue(self.config.commit_timeout, self.events.clone());
        let backend = self.backends.open(key, ears.clone()).await.map_err(client::failed)?;
        let bot = client::build(&self.config, backend, (ears, items), outlets).await?;
        Ok(Arc::new(bot.run(&self.config, Arc::clone(&self.clock), &self.tasks)))
    }

    async fn forget(&self, key: &SessionKey) {
        self.backends.forget(key).await;
    }
}

#[cfg(test)]
mod tests;
