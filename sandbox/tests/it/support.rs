//! A real client that trusts the sandbox, and the accounts of the tests.
#![expect(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use std::{collections::VecDeque, sync::Arc, time::Duration};

use async_trait::async_trait;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chatgraph_sandbox::{
    AccountSpec, Config, Phone, Sandbox,
    spec::{ChatSpec, ContactSpec, GroupSpec, MessageSpec},
};
use tokio::time::{sleep, timeout};
use whatsapp_rust::{
    Client, Jid, RawNodeLease, SyncActionMessageRange, TokioRuntime, anyhow,
    async_channel::Receiver,
    bot::{Bot, BotHandle},
    http::{HttpClient, HttpRequest, HttpResponse, UreqHttpClient},
    message_range,
    prelude::{ChannelEventHandler, Event, Subscription},
    sync_task::MajorSyncTask,
    transport::TokioWebSocketTransportFactory,
    wacore::store::{
        Device, InMemoryBackend,
        device::{CachedNoiseCert, CachedServerCertChain},
        traits::{AppSyncStore, Backend, DeviceStore, ProtocolStore as _},
    },
};

pub(crate) const OWNER: &str = "15550100001";
pub(crate) const ADA: &str = "15550100002@s.whatsapp.net";
pub(crate) const BOB: &str = "15550100003@s.whatsapp.net";
pub(crate) const GROUP: &str = "120363000000000001@g.us";
/// App-state collections in which a new account has entries.
const COLLECTIONS: [&str; 4] = ["critical_block", "critical_unblock_low", "regular_low", "regular_high"];
const PATIENCE: Duration = Duration::from_secs(30);

/// Returns a past time in milliseconds.
pub(crate) fn at(minutes: i64) -> i64 {
    1_760_000_000_000 + minutes * 60_000
}

/// Returns an account with two contacts, a group and three chats.
pub(crate) fn account() -> AccountSpec {
    let contact = |phone: &str, name: &str| ContactSpec {
        phone: phone.to_owned(),
        name: Some(name.to_owned()),
        push_name: Some(name.to_lowercase()),
        ..ContactSpec::default()
    };
    let message = |from: Option<&str>, text: &str, minutes| MessageSpec {
        from: from.map(ToOwned::to_owned),
        text: text.to_owned(),
        at: at(minutes),
    };
    AccountSpec {
        phone: OWNER.to_owned(),
        name: "Owner".to_owned(),
        contacts: vec![
            ContactSpec { lid: Some("200000000000002".to_owned()), ..contact("15550100002", "Ada Lovelace") },
            contact("15550100003", "Bob"),
        ],
        groups: vec![GroupSpec {
            jid: GROUP.to_owned(),
            subject: "Engines".to_owned(),
            participants: vec!["15550100002".to_owned(), "15550100003".to_owned()],
            ..GroupSpec::default()
        }],
        history: vec![
            ChatSpec {
                jid: ADA.to_owned(),
                pinned: true,
                unread_count: 1,
                messages: vec![message(None, "Hello Ada", 1), message(Some("15550100002"), "Hello", 2)],
                ..ChatSpec::default()
            },
            ChatSpec {
                jid: BOB.to_owned(),
                archived: true,
                marked_unread: true,
                muted_until: Some(4_000_000_000_000),
                messages: vec![message(Some("15550100003"), "Bob here", 3)],
                ..ChatSpec::default()
            },
            ChatSpec {
                jid: GROUP.to_owned(),
                messages: vec![message(Some("15550100003"), "Welcome", 4)],
                ..ChatSpec::default()
            },
        ],
    }
}

/// Starts a sandbox on a free port.
pub(crate) async fn sandbox() -> Sandbox {
    Sandbox::start(Config::default()).await.unwrap()
}

/// Waits for something that must happen.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what} did not happen"))
}

/// Starts a sandbox with one account, and a companion that is paired with it, logged in and synchronised.
pub(crate) async fn paired(spec: AccountSpec) -> (Sandbox, Phone, Companion) {
    let sandbox = sandbox().await;
    let phone = sandbox.create_account(spec).unwrap();
    let mut companion = Companion::start(&sandbox).await;
    companion.pair(&phone).await;
    (sandbox, phone, companion)
}

/// Returns a chat as the phone shows it.
pub(crate) fn shown(phone: &Phone, jid: &str) -> chatgraph_sandbox::ChatView {
    phone.chats().into_iter().find(|chat| chat.jid == jid).unwrap()
}

pub(crate) fn jid(text: &str) -> Jid {
    text.parse().unwrap()
}

/// Returns the message range with which a client means all messages.
#[expect(clippy::unnecessary_wraps, reason = "the client's parameter has this type")]
pub(crate) fn everything() -> Option<SyncActionMessageRange> {
    Some(message_range(4_000_000_000, None, Vec::new()))
}

/// A real client with its store.
pub(crate) struct Companion {
    pub(crate) client: Arc<Client>,
    pub(crate) backend: Arc<InMemoryBackend>,
    handle: BotHandle,
    events: Receiver<Arc<Event>>,
    /// Texts that arrived in one batch with a text that was already returned.
    inbox: VecDeque<(String, String, String)>,
    _subscription: Subscription,
    _keeping_up: (Subscription, RawNodeLease),
}

impl Companion {
    /// Starts a client that has never been paired and trusts the sandbox's key.
    pub(crate) async fn start(sandbox: &Sandbox) -> Self {
        Self::trusting(sandbox, &sandbox.key()).await
    }

    /// Starts a client that has never been paired and trusts this key.
    pub(crate) async fn trusting(sandbox: &Sandbox, key: &str) -> Self {
        Self::start_at(&sandbox.url(), key).await
    }

    /// The same for the sandbox with this address.
    pub(crate) async fn start_at(url: &str, key: &str) -> Self {
        let key: [u8; 32] = BASE64_URL_SAFE_NO_PAD.decode(key).unwrap().try_into().unwrap();
        let certificate = CachedNoiseCert { key, not_before: 1_600_000_000, not_after: 2_500_000_000 };
        let mut device = Device::new();
        device.pn = Some(jid("10000000000@s.whatsapp.net"));
        device.server_cert_chain = Some(CachedServerCertChain { intermediate: certificate.clone(), leaf: certificate });
        let backend = Arc::new(InMemoryBackend::new());
        backend.save(&device).await.unwrap();
        Self::resume_at(url, backend).await
    }

    /// Starts a client that does not trust the sandbox.
    pub(crate) async fn without_trust(sandbox: &Sandbox) -> Self {
        Self::resume(sandbox, Arc::new(InMemoryBackend::new())).await
    }

    /// Starts a client on an existing store.
    pub(crate) async fn resume(sandbox: &Sandbox, backend: Arc<InMemoryBackend>) -> Self {
        Self::resume_at(&sandbox.url(), backend).await
    }

    async fn resume_at(url: &str, backend: Arc<InMemoryBackend>) -> Self {
        let socket = format!("{}/ws/chat", url.replacen("http", "ws", 1));
        let media = Media { url: url.to_owned(), client: UreqHttpClient::new() };
        let bot = Bot::builder()
            .with_backend_arc(Arc::clone(&backend) as Arc<dyn Backend>)
            .with_transport_factory(TokioWebSocketTransportFactory::new().with_url(socket))
            .with_http_client(media)
            .with_runtime(TokioRuntime)
            .with_version((2, 3000, 0))
            .build()
            .await
            .unwrap();
        let (handler, events) = ChannelEventHandler::new();
        let client = bot.client();
        let subscription = client.subscribe_handler(handler);
        let (notices, heard) = ChannelEventHandler::new();
        let keeping_up = (client.subscribe_handler(notices), client.acquire_raw_node_forwarding());
        tokio::spawn(keep_up(Arc::clone(&client), heard));
        Self {
            client,
            backend,
            handle: bot.spawn(),
            events,
            inbox: VecDeque::new(),
            _subscription: subscription,
            _keeping_up: keeping_up,
        }
    }

    /// Makes the phone scan the code, and waits for the login.
    pub(crate) async fn pair(&mut self, phone: &Phone) {
        let code = self.qr().await;
        soon("the pairing", phone.scan(&code)).await.unwrap();
        self.connected().await;
        soon("the first sync", phone.connected()).await.unwrap();
        // The phone knows which collections were fetched; the client may still be processing them.
        for collection in COLLECTIONS {
            soon("the first sync", self.reads(collection, phone)).await;
        }
    }

    async fn reads(&self, collection: &str, phone: &Phone) {
        while self.backend.get_version(collection).await.unwrap().version != phone.version(collection) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Returns the QR code that the client shows.
    pub(crate) async fn qr(&mut self) -> String {
        let shown = |event: &Event| match event {
            Event::PairingQrCode(qr) => Some(qr.code.clone()),
            _ => None,
        };
        self.next("a QR code", shown).await
    }

    /// Waits until the client reports that it is connected.
    pub(crate) async fn connected(&mut self) {
        self.next("Connected", |event| matches!(event, Event::Connected(_)).then_some(())).await;
    }

    /// Waits until the client is logged in, now or after it has reconnected.
    pub(crate) async fn logged_in(&self) {
        let logged_in = async {
            while !self.client.is_logged_in() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        soon("the login", logged_in).await;
    }

    /// Returns the next event that `pick` accepts; earlier ones are dropped.
    pub(crate) async fn next<T>(&mut self, what: &str, pick: impl Fn(&Event) -> Option<T>) -> T {
        let events = &self.events;
        let wanted = async {
            loop {
                let event = events.recv().await.expect("the client still runs");
                if let Some(found) = pick(&event) {
                    return found;
                }
            }
        };
        soon(what, wanted).await
    }

    /// Returns true if the client has shown a code so far.
    pub(crate) fn has_shown_a_code(&self) -> bool {
        std::iter::from_fn(|| self.events.try_recv().ok()).any(|event| matches!(*event, Event::PairingQrCode(_)))
    }

    /// Returns the next text message: its id, chat and text.
    pub(crate) async fn text(&mut self) -> (String, String, String) {
        if self.inbox.is_empty() {
            let batch = self.next("a message", |event| Some(texts(event)).filter(|texts| !texts.is_empty())).await;
            self.inbox.extend(batch);
        }
        self.inbox.pop_front().expect("a batch is not empty")
    }

    /// Waits until the client knows the number of a LID, which it stores after the events of the message.
    pub(crate) async fn known_number(&self, lid: &str) -> String {
        let known = async {
            loop {
                if let Some(mapping) = self.backend.get_lid_mapping(lid).await.expect("a store") {
                    return mapping.phone_number;
                }
                sleep(Duration::from_millis(5)).await;
            }
        };
        soon("a mapping", known).await
    }

    /// Stops the client and returns its store.
    pub(crate) async fn stop(self) -> Arc<InMemoryBackend> {
        self.handle.shutdown().await;
        self.backend
    }
}

/// Fetches again what each notification announces, in the order of the notifications.
///
/// The library skips a notification that arrives while it reads the answer to an earlier one about the same collection.
/// It would learn of that change only with the next one: at a script's speed, one change in ten.
async fn keep_up(client: Arc<Client>, events: Receiver<Arc<Event>>) {
    while let Ok(event) = events.recv().await {
        let Event::RawNode(node) = &*event else { continue };
        if node.tag() != "notification" || node.get_attr("type").is_none_or(|kind| *kind != "server_sync") {
            continue;
        }
        for collection in node.get_children_by_tag("collection") {
            let name = collection.get_attr("name").and_then(|name| name.as_str().parse().ok());
            if let Some(name) = name {
                client.process_sync_task(MajorSyncTask::AppStateSync { name, full_sync: false }).await;
            }
        }
    }
}

/// Returns the texts in an event: id, chat and text of each.
pub(crate) fn texts(event: &Event) -> Vec<(String, String, String)> {
    let Event::Messages(batch) = event else { return Vec::new() };
    let texts = batch.messages.iter().filter_map(|inbound| {
        let text = inbound.message.conversation.clone()?;
        Some((inbound.info.id.clone(), inbound.info.source.chat.to_string(), text))
    });
    texts.collect()
}

/// Fetches blobs from the sandbox, whatever host the client requests.
struct Media {
    url: String,
    client: UreqHttpClient,
}

#[async_trait]
impl HttpClient for Media {
    async fn execute(&self, mut request: HttpRequest) -> anyhow::Result<HttpResponse> {
        let path = request.url.strip_prefix("https://").and_then(|rest| rest.find('/').map(|start| &rest[start..]));
        let path = path.and_then(|path| path.split('?').next()).unwrap_or_default();
        request.url = format!("{}/media{path}", self.url);
        self.client.execute(request).await
    }
}
