//! One client of the library: building, running, commands and shutdown.

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
use whatsapp_rust::TokioRuntime;
use whatsapp_rust::async_channel;
use whatsapp_rust::pair_code::PairCodeOptions;
use whatsapp_rust::pair_code::PairError;
use whatsapp_rust::request::IqError;
use whatsapp_rust::store::commands::DeviceCommand;
use whatsapp_rust::store::persistence_manager::PersistenceManager;
use whatsapp_rust::store::traits::Backend;
use whatsapp_rust::sync_task::MajorSyncTask;
use whatsapp_rust::wacore::appstate::patch_decode::WAPatchName;

use super::account_check::ExpectedAccount;
use super::app_state_sync::AppStateSync;
use super::app_state_sync::COLLECTIONS;
use super::app_state_sync::FetchOutcome;
use super::app_state_sync::SyncSuspicion;
use super::auto_reconnect;
use super::backend::SessionBackend;
use super::backend::Upload;
use super::event_queue::EventReader;
use super::event_queue::EventSink;
use super::event_queue::HistoryQueue;
use super::event_queue::Importer;
use super::event_queue::LoginProgress;
use super::event_queue::NO_LOGIN;
use super::event_queue::QueueItem;
use super::event_queue::login;
use super::failed;
use super::history;
use super::history_download::HistoryDownloads;
use super::http::Http;
use super::jid;
use super::sandbox;
use super::sandbox::Sandbox;
use super::setting;
use super::socket::Socket;
use super::sync_loop;
use super::sync_notifications::SyncNotifications;
use super::sync_recovery::SyncRecovery;
use crate::domain::clock::Clock;
use crate::domain::jid::Jid;
use crate::domain::pending_action::PendingAction;
use crate::session::Config;
use crate::session::Endpoint;
use crate::session::connection::Connection;
use crate::session::connection::EventSinks;
use crate::session::connection::SessionError;
use crate::session::connection::StillWanted;

/// Time limit for requesting a phone code: up to 30 s for WhatsApp, and the rest for the key derivation.
const PHONE_CODE: Duration = Duration::from_secs(90);

/// Interval at which the library stores changes of the device.
const SAVE_TIMEOUT: Duration = Duration::from_secs(30);

/// A client that is not running yet.
pub(super) struct BuiltClient {
    client: Arc<Client>,
    work: async_channel::Receiver<MajorSyncTask>,
    memory: Arc<SessionBackend>,
    sink: EventSink,
    items: mpsc::UnboundedReceiver<QueueItem>,
    owner: ExpectedAccount,
    sinks: EventSinks,
}

/// Endpoint of a client.
pub(super) struct ConnectTarget {
    pub(super) socket: Socket,
    /// URL of a sandbox's encrypted files.
    pub(super) media: Option<String>,
    /// Client version to report; `None` lets the library fetch the latest version number.
    pub(super) version: Option<(u32, u32, u32)>,
}

impl ConnectTarget {
    /// Prepares the endpoint. `backend` then trusts a sandbox's key if, and only if, the endpoint is a sandbox.
    ///
    /// # Errors
    /// [`SessionError::Failed`] if the memory cannot be read, or if a sandbox is not on this machine.
    pub(super) async fn to(endpoint: &Endpoint, backend: &dyn Backend) -> Result<Self, SessionError> {
        if let Some(sandbox) = Sandbox::detect(endpoint).map_err(failed)? {
            sandbox.seed(backend).await.map_err(failed)?;
            let (socket, media) = (sandbox.socket(), Some(sandbox.media()));
            Ok(Self { socket, media, version: Some(sandbox::VERSION) })
        } else {
            sandbox::withdraw(backend).await.map_err(failed)?;
            Ok(Self { socket: Socket::to_whatsapp(), media: None, version: None })
        }
    }
}

/// Builds a client from the session's memory, which connects to `way` and reports to the queue.
///
/// # Errors
/// [`SessionError::Failed`] if the memory cannot be read.
pub(super) async fn build(
    config: &Config,
    memory: Arc<SessionBackend>,
    sink: EventSink,
    items: mpsc::UnboundedReceiver<QueueItem>,
    way: ConnectTarget,
    owner: ExpectedAccount,
    sinks: EventSinks,
) -> Result<BuiltClient, SessionError> {
    let backend = Arc::clone(&memory) as Arc<dyn Backend>;
    let persistence = Arc::new(PersistenceManager::new(backend).await.map_err(failed)?);
    persistence.process_command(DeviceCommand::SetDeviceProps(history::wanted(config.history))).await;
    let mut builder = Client::builder()
        .with_runtime(TokioRuntime)
        .with_persistence_manager(persistence)
        .with_background_saver_interval(SAVE_TIMEOUT)
        .with_inbound_durability_hook(sink.clone())
        .with_transport_factory(way.socket)
        .with_http_client(Http::new(config.http_timeout, way.media, sink.answers()));
    if let Some(version) = way.version {
        builder = builder.with_version_override(version);
    }
    let (client, work) = builder.build().await.map_err(failed)?.into_parts();
    client.subscribe_handler(Arc::new(sink.clone())).detach();
    Ok(BuiltClient { client, work, memory, sink, items, owner, sinks })
}

impl BuiltClient {
    /// Runs the client on `tasks` until it is disconnected, ends by itself, or is dropped.
    pub(super) fn run(self, config: &Config, clock: Arc<dyn Clock>, tasks: &TaskTracker) -> WhatsAppConnection {
        let Self { client, work, memory, sink, items, owner, sinks } = self;
        let since = config.history.since(clock.now());
        let (tasks, cut) = (tasks.clone(), CancellationToken::new());
        let (doubts, doubted) = mpsc::channel(COLLECTIONS.len());
        let collections = AppStateSync {
            client: Arc::clone(&client),
            memory,
            tasks: tasks.clone(),
            cut: cut.clone(),
            limit: config.sync_timeout,
            troubled: Arc::default(),
            doubts,
        };
        let (remembered, ends) = (Arc::clone(&collections.memory), sink.clone());
        let watching = async move {
            remembered.damaged().await;
            ends.push(QueueItem::Damaged);
        };
        tasks.spawn(cut.clone().run_until_cancelled_owned(watching));
        let connection = WhatsAppConnection {
            client: Arc::clone(&client),
            collections: collections.clone(),
            sink: sink.clone(),
            clock,
            in_step: Arc::new(AtomicU64::new(NO_LOGIN)),
            action_timeout: config.action_timeout,
            disconnect_timeout: config.disconnect_timeout,
            tasks: tasks.clone(),
            cut: cut.clone(),
            ended: CancellationToken::new(),
        };
        let span = Span::current();

        let (logins, logged_in) = mpsc::channel(8);
        let in_step = Arc::clone(&connection.in_step);
        let (histories, to_import) = mpsc::unbounded_channel();
        let importer =
            Importer { sender: sinks.sender.clone(), client: Arc::clone(&client), since, events: sink.events() };
        tasks.spawn(cut.clone().run_until_cancelled_owned(importer.run(to_import)).instrument(span.clone()));
        let (remembered, kept) = (Arc::clone(&collections.memory), collections.memory.kept());
        let imports = HistoryDownloads::new(Arc::clone(&client), remembered, sink.clone(), tasks.clone(), cut.clone());
        tasks.spawn(cut.clone().run_until_cancelled_owned(imports.run(work)).instrument(span.clone()));

        let logins = LoginProgress { catch_up: logins, in_step };
        let histories = HistoryQueue { arrived: histories, kept };
        let inbox = EventReader::new(items, sinks, Arc::clone(&client), logins, owner, histories, sink.events());
        let ended = connection.ended.clone().drop_guard();
        tasks.spawn(
            async move {
                // Not cancelled with the connection: received events still go to the event queue.
                inbox.run().await;
                drop(ended);
            }
            .instrument(span.clone()),
        );

        let returning = auto_reconnect::only_when_paired(&client);
        let running = Arc::clone(&client);
        let running = async move { running.run().await };
        let running = tasks.spawn(cut.clone().run_until_cancelled_owned(running).instrument(span.clone()));
        let last_word = sink.clone();
        tasks.spawn(
            async move {
                let _returning = returning;
                if let Err(error) = running.await {
                    error!(%error, "The WhatsApp client panicked");
                }
                last_word.push(QueueItem::Ended);
            }
            .instrument(span.clone()),
        );

        let recovery = SyncRecovery::new(collections, config.clone(), sink.events());
        let ends = sink.clone();
        let (notices, listening) = SyncNotifications::listen(&client);
        let keeping_up = sync_loop::run(recovery, logged_in, notices, listening, doubted, sink);
        let keeping_up = tasks.spawn(cut.run_until_cancelled_owned(keeping_up).instrument(span.clone()));
        tasks.spawn(
            async move {
                if let Err(error) = keeping_up.await {
                    error!(%error, "The app-state task panicked; closing the connection");
                    ends.push(QueueItem::Ended);
                }
            }
            .instrument(span),
        );
        connection
    }
}

/// A running client.
pub(super) struct WhatsAppConnection {
    client: Arc<Client>,
    collections: AppStateSync,
    sink: EventSink,
    clock: Arc<dyn Clock>,
    in_step: Arc<AtomicU64>,
    action_timeout: Duration,
    disconnect_timeout: Duration,
    tasks: TaskTracker,
    /// Cancels its tasks.
    cut: CancellationToken,
    /// Cancelled when its reader has ended, which is the last of its tasks.
    ended: CancellationToken,
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
            failed(error)
        } else {
            SessionError::NotConnected
        }
    }
}

#[async_trait]
impl Connection for WhatsAppConnection {
    async fn set(&self, action: &PendingAction, wanted: StillWanted) -> Result<(), SessionError> {
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
        let sending =
            async move { client.send_app_state_action(command.schema, &[command.chat.as_str()], &command.value).await };
        let sending = Arc::clone(&upload).scope(sending);
        let sending = self.cut.clone().run_until_cancelled_owned(sending).in_current_span();
        match timeout(self.action_timeout, self.tasks.spawn(sending)).await {
            Ok(Ok(Some(Err(_)))) if upload.is_dropped() => Err(SessionError::NotWanted),
            Ok(Ok(Some(outcome))) => outcome.map_err(|error| self.failure(error, collection)),
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
        // Cancelling half-way would use up keys without a message, so the task continues on its own.
        let sending = async move { client.send_text(to, text).await };
        let sending = self.cut.clone().run_until_cancelled_owned(sending).in_current_span();
        match self.tasks.spawn(sending).await {
            Ok(Some(sent)) => sent.map(|sent| sent.message_id).map_err(failed),
            Ok(None) => Err(SessionError::NotConnected),
            Err(died) => Err(failed(died)),
        }
    }

    async fn phone_code(&self, phone: &str) -> Result<String, SessionError> {
        // The library rejects a second request while the first code is valid.
        self.client.cancel_pair_code().await;
        let options = PairCodeOptions { phone_number: phone.to_owned(), ..PairCodeOptions::default() };
        match timeout(PHONE_CODE, self.client.pair_with_code(options)).await {
            Ok(Ok(code)) => Ok(code),
            Ok(Err(PairError::RequestFailed(IqError::ServerError { text, .. }))) => Err(SessionError::Refused(text)),
            Ok(Err(error)) => Err(failed(error)),
            Err(_) => Err(SessionError::TimedOut),
        }
    }

    async fn resync(&self) -> Result<(), SessionError> {
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
    }

    async fn log_out(&self) -> Result<(), SessionError> {
        if !self.is_in_step() {
            return Err(SessionError::NotConnected);
        }
        // The library only logs whether WhatsApp received it.
        timeout(self.action_timeout, self.client.logout()).await.map_err(|_| SessionError::TimedOut)
    }

    async fn disconnect(&self) {
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
    }
}

/// A connection that its supervisor has dropped must not run beside the next one.
impl Drop for WhatsAppConnection {
    fn drop(&mut self) {
        self.client.signal_shutdown_sync();
        self.cut.cancel();
    }
}
