//! A registry with real connections to a sandbox. The test takes the place of the store.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chatgraph_sandbox::{AccountSpec, ChatView, Phone, Sandbox};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::super::WhatsAppConnector;
use crate::{
    clock::SystemClock,
    domain::{
        clock::Clock,
        id::ChatId,
        jid::Jid,
        message::{IncomingMessage, MessageRange},
        pending_action::PendingAction,
        session::SessionStatus,
        setting::{Setting, SettingValue},
    },
    session::{
        Config, Endpoint, HistoryChunk, InboundEvent, Registry, SessionEvent, SessionKey, SessionMetrics,
        outbox::ReadPending,
    },
    store::tests::TestStore,
};

pub(super) const OWNER: &str = "15550100000";
pub(super) const MEI: &str = "15550100001@s.whatsapp.net";
pub(super) const NOAH: &str = "15550100002@s.whatsapp.net";
pub(super) const GROUP: &str = "120363000000000001@g.us";

/// Longer than anything takes on a busy machine.
const LONG: Duration = Duration::from_mins(1);

type Held = (IncomingMessage, oneshot::Sender<()>);

pub(super) struct Fixture {
    pub(super) sandbox: Sandbox,
    pub(super) phone: Phone,
    pub(super) registry: Registry,
    pub(super) key: SessionKey,
    pub(super) consumer: Arc<Consumer>,
    history: mpsc::UnboundedReceiver<HistoryChunk>,
    paired: mpsc::UnboundedReceiver<(Jid, Option<Jid>)>,
    held: mpsc::UnboundedReceiver<Held>,
    settings: mpsc::UnboundedReceiver<(Jid, SettingValue, i64)>,
    sent: mpsc::UnboundedReceiver<(ChatId, Setting, i64)>,
    status: mpsc::UnboundedReceiver<SessionStatus>,
    seen: Vec<SessionStatus>,
    passed: Vec<(Jid, SettingValue, i64)>,
    pending: Arc<Mutex<Vec<PendingAction>>>,
    pub(super) test: TestStore,
    pub(super) config: Config,
    pub(super) tasks: TaskTracker,
    stop: CancellationToken,
}

/// Drains the event channels, commits the events and sorts them for the test.
pub(super) struct Consumer {
    hold_messages: AtomicBool,
    heard: Mutex<Vec<SessionEvent>>,
    events_before_working: Mutex<Vec<SessionEvent>>,
    pending: Arc<Mutex<Vec<PendingAction>>>,
    history: mpsc::UnboundedSender<HistoryChunk>,
    paired: mpsc::UnboundedSender<(Jid, Option<Jid>)>,
    held: mpsc::UnboundedSender<Held>,
    settings: mpsc::UnboundedSender<(Jid, SettingValue, i64)>,
    sent: mpsc::UnboundedSender<(ChatId, Setting, i64)>,
    status: mpsc::UnboundedSender<SessionStatus>,
    events: SessionMetrics,
}

impl Consumer {
    /// From now on the test commits the messages itself.
    pub(super) fn hold_messages(&self) {
        self.hold_messages.store(true, Ordering::SeqCst);
    }

    async fn drain(self: Arc<Self>, mut events: mpsc::Receiver<InboundEvent>) {
        while let Some(InboundEvent { event, committed }) = events.recv().await {
            self.heard.lock().unwrap().push(event.clone());
            match event {
                SessionEvent::Status { status, .. } => {
                    if status == SessionStatus::Working {
                        *self.events_before_working.lock().unwrap() = std::mem::take(&mut *self.heard.lock().unwrap());
                    }
                    let _ = self.status.send(status);
                }
                SessionEvent::Paired { jid, lid } => drop(self.paired.send((jid, lid))),
                SessionEvent::Setting { chat, value, as_of, .. } => drop(self.settings.send((chat, value, as_of))),
                SessionEvent::Delivered { message, .. } if self.hold_messages.load(Ordering::SeqCst) => {
                    let committed = committed.expect("a message that waits for its commit");
                    let _ = self.held.send((message, committed));
                    continue;
                }
                SessionEvent::History(chunk) => drop(self.history.send(chunk)),
                SessionEvent::ActionSent { chat, desired, version } => {
                    let setting = desired.setting();
                    self.pending.lock().unwrap().retain(|action| {
                        (action.chat, action.desired.setting(), action.version) != (chat, setting, version)
                    });
                    let _ = self.sent.send((chat, setting, version));
                }
                _ => {}
            }
            if let Some(committed) = committed {
                let _ = committed.send(());
            }
        }
    }
}

fn account(now: i64) -> AccountSpec {
    let account = serde_json::json!({
        "phone": OWNER,
        "name": "Ada",
        "contacts": [
            { "phone": "15550100001", "name": "Mei Tanaka" },
            { "phone": "15550100002", "name": "Noah Berg" },
        ],
        "groups": [{ "jid": GROUP, "subject": "Harbour festival", "participants": ["15550100001"] }],
        "history": [
            {
                "jid": MEI,
                "messages": [
                    { "from": "15550100001", "text": "Are you there?", "at": now - 7_200_000 },
                    { "text": "Soon", "at": now - 7_100_000 },
                ],
            },
            { "jid": NOAH, "messages": [{ "from": "15550100002", "text": "Hello", "at": now - 7_000_000 }] },
            { "jid": GROUP, "messages": [{ "from": "15550100001", "text": "All set", "at": now - 6_900_000 }] },
        ],
    });
    serde_json::from_value(account).unwrap()
}

/// Starts the parts of a server process.
fn serve(test: &TestStore, config: &Config, consumer: &Arc<Consumer>) -> (Registry, TaskTracker, CancellationToken) {
    let stored = Arc::clone(&consumer.pending);
    let read_pending: ReadPending = Arc::new(move |_, asked| {
        let stored = asked.of(&stored.lock().unwrap());
        Box::pin(async move { Ok(stored) })
    });
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let (drain, drains) = (Arc::clone(consumer), tasks.clone());
    let registry = Registry::with_connector(
        Arc::new(WhatsAppConnector::new(
            test.store.clone(),
            Arc::new(SystemClock),
            config.clone(),
            tasks.clone(),
            consumer.events.clone(),
        )),
        read_pending,
        Arc::new(SystemClock),
        config.clone(),
        Arc::new(move |_| {
            let (sender, events) = mpsc::channel(256);
            drains.spawn(Arc::clone(&drain).drain(events));
            sender
        }),
        tasks.clone(),
        stop.clone(),
    );
    (registry, tasks, stop)
}

impl Fixture {
    /// Creates a rig without starting the session.
    pub(super) async fn new() -> Self {
        let sandbox = Sandbox::start(chatgraph_sandbox::Config::default()).await.unwrap();
        let phone = sandbox.create_account(account(SystemClock.now())).unwrap();
        let key = BASE64_URL_SAFE_NO_PAD.decode(sandbox.key()).unwrap().try_into().unwrap();
        let config = Config {
            redelivery_base: Duration::from_millis(100),
            reconnect_base: Duration::from_millis(100),
            reconnect_eased: Duration::from_millis(200),
            repair_base: Duration::from_millis(20),
            repair_max: Duration::from_millis(200),
            ..Config::new(Endpoint::Sandbox { url: sandbox.url(), key })
        };
        let pending: Arc<Mutex<Vec<PendingAction>>> = Arc::default();
        let (history_there, history) = mpsc::unbounded_channel();
        let (paired_there, paired) = mpsc::unbounded_channel();
        let (held_there, held) = mpsc::unbounded_channel();
        let (settings_there, settings) = mpsc::unbounded_channel();
        let (sent_there, sent) = mpsc::unbounded_channel();
        let (status_there, status) = mpsc::unbounded_channel();
        let consumer = Arc::new(Consumer {
            hold_messages: AtomicBool::new(false),
            heard: Mutex::default(),
            events_before_working: Mutex::default(),
            pending: Arc::clone(&pending),
            history: history_there,
            paired: paired_there,
            held: held_there,
            settings: settings_there,
            sent: sent_there,
            status: status_there,
            events: SessionMetrics::default(),
        });
        let test = TestStore::open().await;
        let key = SessionKey { organization: test.organization.clone(), session: test.session };
        let (registry, tasks, stop) = serve(&test, &config, &consumer);
        let (seen, passed) = (Vec::new(), Vec::new());
        Self {
            sandbox,
            phone,
            registry,
            key,
            consumer,
            history,
            paired,
            held,
            settings,
            sent,
            status,
            seen,
            passed,
            pending,
            test,
            config,
            tasks,
            stop,
        }
    }

    /// Creates a rig whose session is started, paired and in step.
    pub(super) async fn working() -> Self {
        let mut rig = Self::new().await;
        rig.start();
        rig.scan().await;
        rig.status(SessionStatus::Working).await;
        rig.seen.clear();
        // Settings from the pairing are discarded.
        while rig.settings.try_recv().is_ok() {}
        rig
    }

    pub(super) fn start(&self) {
        self.registry.start(self.key.clone());
    }

    /// Stops the process.
    pub(super) async fn end(&mut self) {
        self.stop.cancel();
        self.tasks.close();
        soon("the end", self.tasks.wait()).await;
        self.phone.disconnected().await.unwrap();
    }

    /// Starts another process on the same database, without any state in memory from the previous one.
    pub(super) fn begin(&mut self) {
        (self.registry, self.tasks, self.stop) = serve(&self.test, &self.config, &self.consumer);
        self.start();
    }

    /// Ends the process without its final writes: the next process finds the database as it is now.
    pub(super) async fn crash(&mut self) {
        let found = self.test.after_a_crash().await;
        self.end().await;
        self.test = found;
        while self.held.try_recv().is_ok() {}
    }

    /// Scans the QR code that the session shows.
    pub(super) async fn scan(&mut self) {
        let mut pairing = self.registry.pairing_changes(self.key.session).expect("a started session");
        let shown = soon("a code", pairing.wait_for(|pairing| pairing.qr.is_some())).await.unwrap().clone();
        soon("the scan", self.phone.scan(&shown.qr.unwrap().text)).await.unwrap();
    }

    /// Waits for a status.
    pub(super) async fn status(&mut self, wanted: SessionStatus) {
        loop {
            let status = soon("a status", self.status.recv()).await.expect("the event channel is drained");
            self.seen.push(status);
            if status == wanted {
                return;
            }
        }
    }

    /// All statuses received so far.
    pub(super) fn statuses(&self) -> Vec<SessionStatus> {
        self.seen.clone()
    }

    /// The events received before the latest `WORKING` status.
    pub(super) fn events_before_working(&self) -> Vec<SessionEvent> {
        self.consumer.events_before_working.lock().unwrap().clone()
    }

    /// Waits for a setting, skipping others, and returns its time.
    pub(super) async fn setting(&mut self, chat: &str, value: SettingValue) -> i64 {
        let chat = chat.parse().unwrap();
        loop {
            if let Some(at) = self.passed.iter().position(|passed| (&passed.0, passed.1) == (&chat, value)) {
                return self.passed.remove(at).2;
            }
            let next = soon(&format!("{value:?}"), self.settings.recv()).await;
            self.passed.push(next.expect("the event channel is drained"));
        }
    }

    /// Stores a pending action and wakes the session.
    pub(super) fn request(
        &self,
        chat: &str,
        desired: SettingValue,
        requested_at: i64,
        range: Option<MessageRange>,
    ) -> ChatId {
        let id = ChatId::new(requested_at);
        self.pending.lock().unwrap().push(PendingAction {
            organization: self.key.organization.clone(),
            session: self.key.session,
            chat: id,
            address: chat.parse().unwrap(),
            version: 1,
            desired,
            base: desired,
            base_as_of: 0,
            unread: 0,
            requested_at,
            range,
            read_before: None,
        });
        self.registry.wake_pending(self.key.session);
        id
    }

    /// Waits until a recovery step has run `times` times.
    pub(super) async fn repairs(&self, step: &'static str, times: u64) {
        let taken = async {
            while self.consumer.events.recoveries(step) < times {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        // Each fetch may wait for a key, and for another fetch that waits for one.
        timeout(LONG * 3 / 2, taken).await.unwrap_or_else(|_| panic!("no {step} within the time limit"));
    }

    /// The account that the session was linked to.
    pub(super) async fn paired(&mut self) -> (Jid, Option<Jid>) {
        soon("the pairing", self.paired.recv()).await.expect("the event channel is drained")
    }

    /// The next part of the history.
    pub(super) async fn history(&mut self) -> HistoryChunk {
        soon("a history", self.history.recv()).await.expect("the event channel is drained")
    }

    /// The next action that WhatsApp accepted.
    pub(super) async fn sent(&mut self) -> (ChatId, Setting, i64) {
        soon("an action", self.sent.recv()).await.expect("the event channel is drained")
    }

    /// The next message that waits for the test's commit.
    pub(super) async fn held(&mut self) -> Held {
        soon("a message", self.held.recv()).await.expect("the event channel is drained")
    }

    /// Returns true if another message waits for the test's commit.
    pub(super) fn holds_another(&mut self) -> bool {
        self.held.try_recv().is_ok()
    }

    /// Returns true if something stays unacknowledged for all of `time`.
    pub(super) async fn unsettled_for(&self, time: Duration) -> bool {
        timeout(time, self.phone.settled()).await.is_err()
    }

    /// Waits until everything is acknowledged.
    pub(super) async fn settled(&self) {
        soon("the acknowledgement", self.phone.settled()).await.unwrap();
    }

    /// A chat as the phone shows it.
    pub(super) fn shown(&self, chat: &str) -> ChatView {
        self.phone.chats().into_iter().find(|view| view.jid == chat).expect("the phone shows the chat")
    }

    /// Stops everything and checks that it ends.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        soon("the end", self.tasks.wait()).await;
        self.sandbox.stop().await;
    }
}

/// Waits with a timeout.
pub(super) async fn soon<T>(what: &str, wait: impl Future<Output = T>) -> T {
    timeout(LONG, wait).await.unwrap_or_else(|_| panic!("{what} did not arrive within the time limit"))
}
