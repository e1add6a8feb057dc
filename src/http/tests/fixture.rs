//! A server in the test's process, and a WebSocket client.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::Router;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest as _},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    auth::{api_key_secret, authenticator::Authenticator},
    clock::SystemClock,
    domain::{api_key::KeyCreator, capability::Capabilities, clock::Clock},
    feed::{self, Feed},
    graphql::{self, Caller, GraphqlExecutor},
    http::{Config, ConnectionConfig, Health, HttpServices, ListenerContext, Metrics, router, serve},
    service::{
        api_key::{ApiKeys, NewApiKey},
        background::{mute_expiry::MuteExpirer, purge::Purger},
        call::{Calls, broadcast::CallBroadcast},
        chat::{self, Chats},
        session::{Sessions, broadcast::SessionBroadcast},
    },
    session::{self, Endpoint, registry::Registry},
    store::tests::TestStore,
};

/// Timeout of every wait in a test.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

pub(super) const NEWER: &str = "graphql-transport-ws";
pub(super) const OLDER: &str = "graphql-ws";

/// The system clock, until it is broken: then every read panics. Counts the reads.
#[derive(Default)]
pub(super) struct TestClock {
    broken: AtomicBool,
    asked: AtomicUsize,
}

impl TestClock {
    pub(super) fn break_down(&self) {
        self.broken.store(true, Ordering::Relaxed);
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Clock for TestClock {
    fn now(&self) -> i64 {
        self.asked.fetch_add(1, Ordering::Relaxed);
        assert!(!self.broken.load(Ordering::Relaxed), "the clock is broken");
        SystemClock.now()
    }
}

/// A running server.
pub(super) struct Rig {
    pub(super) store: TestStore,
    pub(super) address: SocketAddr,
    pub(super) key: String,
    /// Tracks connections and their operations.
    pub(super) callers: TaskTracker,
    pub(super) drain: CancellationToken,
    /// Clock of the services.
    pub(super) clock: Arc<TestClock>,
    /// Clock of token verification.
    pub(super) token_clock: Arc<TestClock>,
    /// Ends the background tasks.
    pub(super) stop: CancellationToken,
    pub(super) api: GraphqlExecutor,
    pub(super) router: Router,
    tokens: Authenticator,
}

impl Rig {
    pub(super) async fn start(config: Config) -> Self {
        Self::with_api(config, &graphql::Config::default()).await
    }

    /// Starts a server with this API config.
    pub(super) async fn with_api(config: Config, api: &graphql::Config) -> Self {
        let store = TestStore::open().await;
        let [clock, token_clock]: [Arc<TestClock>; 2] = Default::default();
        let (tasks, stop, callers, drain) =
            (TaskTracker::new(), CancellationToken::new(), TaskTracker::new(), CancellationToken::new());
        let shared = store.store.clone();
        let tokens = Authenticator::new(shared.clone(), None, token_clock.clone());
        let keys = ApiKeys::new(shared.clone(), tokens.clone(), clock.clone());
        let secret = api_key_secret::generate();
        let new = NewApiKey { name: "test".into(), permissions: Capabilities::all(), expires_at: None };
        keys.issue(&store.organization, new, KeyCreator::Operator, &secret).await.expect("a key");
        let feed = Feed::start(shared.clone(), feed::Config::default(), &tasks, stop.clone());
        let registry = Registry::new(
            shared.clone(),
            clock.clone(),
            session::Config::new(Endpoint::WhatsApp),
            Arc::new(|_| unreachable!("no session is started")),
            tasks.clone(),
            stop.clone(),
        );
        let (sweeper, broadcast) = (Purger::default(), SessionBroadcast::default());
        let (mutes, limits) = (MuteExpirer::default(), chat::Config::default());
        let chats = Chats::new(shared.clone(), feed, registry.clone(), sweeper.clone(), mutes, clock.clone(), limits);
        let background = tasks.clone();
        let calls = Calls::new(shared.clone(), registry.clone(), CallBroadcast::default(), clock.clone());
        let sessions = Sessions::new(shared, registry, broadcast, sweeper, clock.clone(), tasks, stop.clone());
        let services = graphql::GraphqlServices { chats, sessions, calls, keys };
        let api = GraphqlExecutor::new(services, api, background);
        let connections = ConnectionConfig { write_timeout: config.write_timeout, ..ConnectionConfig::default() };
        let metrics = Metrics::default();
        let health = Health {
            ready: Arc::new(|| unreachable!("no test reads it")),
            metrics_route: Arc::new(|| unreachable!("no test reads it")),
        };
        let (tasks, draining) = (callers.clone(), drain.clone());
        let parts = HttpServices {
            api: api.clone(),
            tokens: tokens.clone(),
            tasks,
            drain: draining,
            health,
            metrics: metrics.clone(),
        };
        let router = router(parts, config);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let listening = ListenerContext { router: router.clone(), config: connections, tls: None, metrics };
        callers.spawn(serve(listener, listening, callers.clone(), drain.clone()));
        Self { store, address, key: secret, callers, drain, clock, token_clock, stop, api, router, tokens }
    }

    /// Returns a client with the rig's key.
    pub(super) async fn caller(&self) -> Caller {
        let viewer = self.tokens.verify(&self.key).await.expect("read").expect("valid");
        Caller { viewer: Arc::new(viewer), request_id: "test".into() }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/graphql", self.address)
    }

    /// Makes this number of changes.
    pub(super) async fn changes(&self, count: usize) {
        futures_util::future::join_all((0..count).map(|user| self.store.add_chat(user, 1))).await;
    }

    /// Runs a statement on the database directly.
    pub(super) async fn execute(&self, statement: &str) {
        use sea_orm::ConnectionTrait as _;
        let database = sea_orm::Database::connect(self.store.database.url()).await.expect("a connection");
        database.execute_unprepared(statement).await.expect("executed");
    }

    /// Returns the cursor before all changes.
    pub(super) fn beginning(&self) -> String {
        let incarnation = self.store.store.incarnation();
        crate::domain::cursor::ChangeCursor { incarnation, number: 0 }.encode(&self.store.organization)
    }

    /// Opens a WebSocket, and sends nothing yet.
    pub(super) async fn connect(&self, protocol: &str) -> Socket {
        self.upgrade(TcpStream::connect(self.address).await.expect("a connection"), protocol).await
    }

    /// Opens a WebSocket over a connection with small buffers.
    pub(super) async fn connect_narrowly(&self, protocol: &str) -> Socket {
        self.upgrade(self.narrow().await, protocol).await
    }

    /// Opens a connection with small buffers.
    pub(super) async fn narrow(&self) -> TcpStream {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("set");
        socket.connect(self.address).await.expect("a connection")
    }

    async fn upgrade(&self, stream: TcpStream, protocol: &str) -> Socket {
        let mut request = format!("ws://{}/graphql", self.address).into_client_request().expect("a request");
        if !protocol.is_empty() {
            request.headers_mut().insert("Sec-WebSocket-Protocol", protocol.parse().expect("a header"));
        }
        let (socket, response) = client_async(request, stream).await.expect("a socket");
        let chosen = response.headers().get("sec-websocket-protocol").and_then(|chosen| chosen.to_str().ok());
        Socket { socket, chosen: chosen.map(str::to_owned) }
    }

    /// Opens a WebSocket and authenticates.
    pub(super) async fn enter(&self, protocol: &str) -> Socket {
        let mut socket = self.connect(protocol).await;
        socket.init(&self.key).await;
        assert_eq!(socket.next().await["type"], "connection_ack");
        socket
    }

    /// Waits until only the listener's task is left.
    pub(super) async fn is_left_alone(&self) {
        self.wait_for_tasks(1).await;
    }

    /// Waits until this number of tasks is left.
    pub(super) async fn wait_for_tasks(&self, tasks: usize) {
        timeout(PATIENCE, async {
            while self.callers.len() != tasks {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
        .unwrap_or_else(|_| panic!("{} tasks are at the door and not {tasks}", self.callers.len()));
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.drain.cancel();
        self.stop.cancel();
    }
}

/// A WebSocket client.
pub(super) struct Socket {
    pub(super) socket: WebSocketStream<TcpStream>,
    pub(super) chosen: Option<String>,
}

impl Socket {
    pub(super) async fn init(&mut self, key: &str) {
        let payload = json!({"Authorization": format!("Bearer {key}")});
        self.send_json(&json!({"type": "connection_init", "payload": payload})).await;
    }

    pub(super) async fn send_json(&mut self, message: &Value) {
        self.send(Message::text(message.to_string())).await;
    }

    pub(super) async fn send(&mut self, message: Message) {
        timeout(PATIENCE, self.socket.send(message)).await.expect("sent in time").expect("sent");
    }

    /// Starts an operation of the newer protocol.
    pub(super) async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        let payload = json!({"query": query, "variables": variables});
        self.send_json(&json!({"type": "subscribe", "id": id, "payload": payload})).await;
    }

    /// Returns the next message of any kind.
    pub(super) async fn any(&mut self) -> Option<Message> {
        timeout(PATIENCE, self.socket.next()).await.expect("a message in time")?.ok()
    }

    /// Returns the next message of the protocol.
    pub(super) async fn next(&mut self) -> Value {
        loop {
            match self.any().await {
                Some(Message::Text(text)) => return serde_json::from_str(&text).expect("JSON"),
                Some(Message::Ping(_) | Message::Pong(_)) => {}
                other => panic!("{other:?} instead of a message"),
            }
        }
    }

    /// Returns the next message that is not a keep-alive.
    pub(super) async fn next_message(&mut self) -> Value {
        loop {
            let message = self.next().await;
            if message["type"] != "ping" && message["type"] != "ka" {
                return message;
            }
        }
    }

    /// Returns the code and the reason of the server's close frame, and ignores earlier messages.
    pub(super) async fn closed(&mut self) -> (u16, String) {
        loop {
            match self.any().await {
                Some(Message::Close(Some(frame))) => return (frame.code.into(), frame.reason.to_string()),
                Some(Message::Close(None)) => return (1005, String::new()),
                Some(_) => {}
                None => panic!("the connection broke without a close frame"),
            }
        }
    }
}

/// Returns the code of the first error.
pub(super) fn code(errors: &Value) -> &str {
    errors[0]["extensions"]["code"].as_str().unwrap_or_default()
}
