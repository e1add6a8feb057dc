//! One client of the library: building and running.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument, Span, error};
use whatsapp_rust::{
    Client, TokioRuntime, async_channel,
    store::{commands::DeviceCommand, persistence_manager::PersistenceManager, traits::Backend},
    sync_task::MajorSyncTask,
};

use super::{
    account_check::ExpectedAccount,
    app_state_sync::{AppStateSync, COLLECTIONS},
    auto_reconnect,
    backend::SessionBackend,
    connection::WhatsAppConnection,
    event_queue::{EventReader, EventSink, HistoryQueue, Importer, LoginProgress, NO_LOGIN, QueueItem},
    history,
    history_download::HistoryDownloads,
    http::Http,
    sandbox::{self, Sandbox},
    socket::Socket,
    sync_loop,
    sync_notifications::SyncNotifications,
    sync_recovery::SyncRecovery,
};
use crate::{
    domain::clock::Clock,
    session::{
        Config, Endpoint,
        connection::{EventSinks, SessionError},
    },
};

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
        if let Some(sandbox) = Sandbox::detect(endpoint).map_err(SessionError::from_failure)? {
            sandbox.seed(backend).await.map_err(SessionError::from_failure)?;
            let (socket, media) = (sandbox.socket(), Some(sandbox.media()));
            Ok(Self { socket, media, version: Some(sandbox::VERSION) })
        } else {
            sandbox::withdraw(backend).await.map_err(SessionError::from_failure)?;
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
    let persistence = Arc::new(PersistenceManager::new(backend).await.map_err(SessionError::from_failure)?);
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
    let (client, work) = builder.build().await.map_err(SessionError::from_failure)?.into_parts();
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
        let (remembered, stored_notices) = (Arc::clone(&collections.memory), collections.memory.stored_notices());
        let imports = HistoryDownloads::new(Arc::clone(&client), remembered, sink.clone(), tasks.clone(), cut.clone());
        tasks.spawn(cut.clone().run_until_cancelled_owned(imports.run(work)).instrument(span.clone()));

        let logins = LoginProgress { catch_up: logins, in_step };
        let histories = HistoryQueue { arrived: histories, stored_notices };
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

        let fetches = collections.memory.fetches();
        let listening = SyncNotifications::listen(&client, Arc::clone(&fetches));
        let recovery = SyncRecovery::new(collections, config.clone(), sink.events());
        let ends = sink.clone();
        let keeping_up = sync_loop::run(recovery, logged_in, fetches, listening, doubted, sink);
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
