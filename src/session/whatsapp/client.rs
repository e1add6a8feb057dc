//! One client of the library: how it is built, run, told and taken down.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;
use tracing::Span;
use tracing::error;
use tracing::warn;
use whatsapp_rust::AppStateError;
use whatsapp_rust::Client;
use whatsapp_rust::bot::Bot;
use whatsapp_rust::store::traits::Backend;
use whatsapp_rust::sync_task::MajorSyncTask;
use whatsapp_rust::wacore::appstate::patch_decode::WAPatchName;
use whatsapp_rust::wacore::store::DevicePropsOverride;

use super::command::command;
use super::http::Http;
use super::inbox::Ears;
use super::inbox::Inbox;
use super::inbox::Item;
use super::inbox::NO_LOGIN;
use super::inbox::login;
use super::jid;
use super::notices::Notices;
use super::sandbox;
use super::sandbox::Sandbox;
use super::socket::Socket;
use crate::domain::action::PendingAction;
use crate::domain::clock::Clock;
use crate::domain::jid::Jid;
use crate::session::Config;
use crate::session::connection::Outlets;
use crate::session::connection::Session;
use crate::session::connection::SessionError;

/// The collections in which WhatsApp keeps settings and contacts, the ones of the chats last, since a name is better
/// known before its chat changes.
const COLLECTIONS: [WAPatchName; 5] = [
    WAPatchName::CriticalBlock,
    WAPatchName::CriticalUnblockLow,
    WAPatchName::Regular,
    WAPatchName::RegularHigh,
    WAPatchName::RegularLow,
];

/// A client that does not run yet.
pub(super) struct Built {
    bot: Bot,
    ears: Ears,
    items: mpsc::UnboundedReceiver<Item>,
    outlets: Outlets,
}

/// Builds a client on what the session remembers, which fills the queue and is told by it.
///
/// # Errors
/// [`SessionError::Failed`] when the memory cannot be read, or a sandbox is not on this machine.
pub(super) async fn build(
    config: &Config,
    backend: Arc<dyn Backend>,
    (ears, items): (Ears, mpsc::UnboundedReceiver<Item>),
    outlets: Outlets,
) -> Result<Built, SessionError> {
    let builder = Bot::builder()
        .with_backend_arc(Arc::clone(&backend))
        .with_device_props(DevicePropsOverride::new().with_os("chatgraph"))
        .with_event_handler(ears.clone())
        .with_inbound_durability_hook(ears.clone());
    let bot = if let Some(sandbox) = Sandbox::of(&config.endpoint).map_err(failed)? {
        sandbox.seed(backend.as_ref()).await.map_err(failed)?;
        builder
            .with_version(sandbox::VERSION)
            .with_transport_factory(sandbox.socket())
            .with_http_client(Http::new(config.http_timeout, Some(sandbox.media())))
            .build()
            .await
    } else {
        sandbox::withdraw(backend.as_ref()).await.map_err(failed)?;
        builder
            .with_transport_factory(Socket::to_whatsapp())
            .with_http_client(Http::new(config.http_timeout, None))
            .build()
            .await
    };
    Ok(Built { bot: bot.map_err(failed)?, ears, items, outlets })
}

impl Built {
    /// Runs the client on `tasks`, until it is disconnected, ends by itself, or is dropped.
    pub(super) fn run(self, config: &Config, clock: Arc<dyn Clock>, tasks: &TaskTracker) -> Connection {
        let Self { bot, ears, items, outlets } = self;
        let client = bot.client();
        let connection = Connection {
            client: Arc::clone(&client),
            clock,
            in_step: Arc::new(AtomicU64::new(NO_LOGIN)),
            action_timeout: config.action_timeout,
            disconnect_timeout: config.disconnect_timeout,
            tasks: tasks.clone(),
            cut: CancellationToken::new(),
            ended: CancellationToken::new(),
        };
        let cut = connection.cut.clone();
        let span = Span::current();

        let (logins, mut logged_in) = mpsc::channel(8);
        let inbox = Inbox::new(items, outlets, Arc::clone(&client), logins, Arc::clone(&connection.in_step));
        let ended = connection.ended.clone().drop_guard();
        let reading = cut.clone().run_until_cancelled_owned(inbox.run());
        tasks.spawn(
            async move {
                reading.await;
                drop(ended);
            }
            .instrument(span.clone()),
        );

        let running = tasks.spawn(cut.clone().run_until_cancelled_owned(bot.run()).instrument(span.clone()));
        let last_word = ears.clone();
        tasks.spawn(
            async move {
                if let Err(error) = running.await {
                    error!(%error, "The WhatsApp client died");
                }
                last_word.hear(Item::Ended);
            }
            .instrument(span.clone()),
        );

        let notices = Arc::new(Notices::default());
        let listening = notices.listen(&client);
        let fetches = Fetches { client, tasks: tasks.clone(), cut: cut.clone(), limit: config.sync_timeout };
        let keeping_up = async move {
            let _listening = listening;
            loop {
                tokio::select! {
                    login = logged_in.recv() => {
                        let Some(login) = login else { return };
                        for name in COLLECTIONS {
                            fetches.fetch(name).await;
                        }
                        ears.hear(Item::CaughtUp { login });
                    }
                    announced = notices.next() => {
                        for name in announced.iter().filter_map(|name| name.parse().ok()) {
                            fetches.fetch(name).await;
                        }
                    }
                }
            }
        };
        tasks.spawn(cut.run_until_cancelled_owned(keeping_up).instrument(span));
        connection
    }
}

/// Fetches collections of settings.
struct Fetches {
    client: Arc<Client>,
    tasks: TaskTracker,
    cut: CancellationToken,
    limit: Duration,
}

impl Fetches {
    /// Fetches what changed in a collection. The library does not do so by itself on a reconnect: it relies on being
    /// told, and that may have been lost with the connection before.
    ///
    /// One that takes long is no longer waited for and goes on by itself: given up between two of its writes, it would
    /// leave a collection that fits no patch.
    async fn fetch(&self, name: WAPatchName) {
        let client = Arc::clone(&self.client);
        let syncing = async move {
            client.process_sync_task(MajorSyncTask::AppStateSync { name, full_sync: false }).await;
        };
        let syncing = self.cut.clone().run_until_cancelled_owned(syncing).in_current_span();
        if timeout(self.limit, self.tasks.spawn(syncing)).await.is_err() {
            warn!(collection = name.as_str(), "A collection of settings did not come in time");
        }
    }
}

/// A running client.
pub(super) struct Connection {
    client: Arc<Client>,
    clock: Arc<dyn Clock>,
    in_step: Arc<AtomicU64>,
    action_timeout: Duration,
    disconnect_timeout: Duration,
    tasks: TaskTracker,
    /// Ends its tasks at once.
    cut: CancellationToken,
    /// Its reader is done, which is the last of its tasks to be.
    ended: CancellationToken,
}

impl Connection {
    fn is_in_step(&self) -> bool {
        login(&self.client) == Some(self.in_step.load(Ordering::Acquire))
    }

    fn failure(&self, error: AppStateError) -> SessionError {
        // The library has no type for a refusal, only these words.
        let text = error.to_string();
        if text.contains("rejected") {
            SessionError::Refused(format!("WhatsApp's server does not take it ({text})"))
        } else if self.is_in_step() {
            failed(error)
        } else {
            SessionError::NotConnected
        }
    }
}

#[async_trait]
impl Session for Connection {
    async fn set(&self, action: &PendingAction) -> Result<(), SessionError> {
        if !self.is_in_step() {
            return Err(SessionError::NotConnected);
        }
        let (client, command) = (Arc::clone(&self.client), command(action, self.clock.now()));
        // Given up between two of its writes it would leave a collection that fits no patch: it goes on by itself.
        let sending =
            async move { client.send_app_state_action(command.schema, &[command.chat.as_str()], &command.value).await };
        let sending = self.cut.clone().run_until_cancelled_owned(sending).in_current_span();
        match timeout(self.action_timeout, self.tasks.spawn(sending)).await {
            Ok(Ok(Some(outcome))) => outcome.map_err(|error| self.failure(error)),
            Ok(Err(died)) => Err(failed(died)),
            Err(_) if self.is_in_step() => Err(SessionError::TimedOut),
            Ok(Ok(None)) | Err(_) => Err(SessionError::NotConnected),
        }
    }

    async fn reject_call(&self, call: &str, from: &Jid) -> Result<(), SessionError> {
        if !self.is_in_step() {
            return Err(SessionError::NotConnected);
        }
        let from = jid::to_wire(from);
        self.client.voip().reject_call(call, &from, &from).await.map_err(failed)
    }

    async fn send_text(&self, to: &Jid, text: &str) -> Result<String, SessionError> {
        if !self.is_in_step() {
            return Err(SessionError::NotConnected);
        }
        let (client, to, text) = (Arc::clone(&self.client), jid::to_wire(to), text.to_owned());
        // Given up half-way it would leave keys that were used for nothing: it goes on by itself.
        let sending = async move { client.send_text(to, text).await };
        let sending = self.cut.clone().run_until_cancelled_owned(sending).in_current_span();
        match self.tasks.spawn(sending).await {
            Ok(Some(sent)) => sent.map(|sent| sent.message_id).map_err(failed),
            Ok(None) => Err(SessionError::NotConnected),
            Err(died) => Err(failed(died)),
        }
    }

    async fn log_out(&self) -> Result<(), SessionError> {
        if !self.is_in_step() {
            return Err(SessionError::NotConnected);
        }
        // The library says whether WhatsApp heard of it to its log only.
        timeout(self.action_timeout, self.client.logout()).await.map_err(|_| SessionError::TimedOut)
    }

    async fn reconnect(&self) {
        if timeout(self.disconnect_timeout, self.client.reconnect_immediately()).await.is_err() {
            warn!("The connection does not let go to be renewed");
        }
    }

    async fn disconnect(&self) {
        let leaving = async {
            self.client.disconnect().await;
            self.ended.cancelled().await;
        };
        if timeout(self.disconnect_timeout, leaving).await.is_err() {
            warn!("The connection does not let go; it is cut");
        }
        self.client.signal_shutdown_sync();
        self.cut.cancel();
        self.ended.cancelled().await;
    }
}

/// A connection that its supervisor lost hold of must not live on beside the next one.
impl Drop for Connection {
    fn drop(&mut self) {
        self.client.signal_shutdown_sync();
        self.cut.cancel();
    }
}

pub(super) fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> SessionError {
    SessionError::Failed(error.into())
}
