//! The WhatsApp library alone: clients that keep their state in memory and acknowledge each message at once. Their rate
//! is the most that a server with this library can reach.

use std::{error::Error, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use tokio::{net::TcpStream, sync::mpsc};
use tokio_websockets::ClientBuilder;
use whatsapp_rust::{
    Client, InboundDurabilityHook, Jid, TokioRuntime, anyhow, async_channel, async_trait,
    http::{HttpClient, HttpRequest, HttpResponse},
    store::{persistence_manager::PersistenceManager, traits::DeviceStore as _},
    transport::{Connector, Transport, TransportEvent, TransportFactory, from_websocket},
    types::events::{Event, EventHandler, InboundMessage},
    wacore::store::{CachedNoiseCert, CachedServerCertChain, Device, InMemoryBackend},
};

use crate::environment::Stage;

/// Time limit for linking a phone.
const LINK_TIMEOUT: Duration = Duration::from_secs(30);

/// Receives a unit for each message of the linked phones.
pub type Received = mpsc::UnboundedReceiver<()>;

/// Links clients to these phones, without their histories.
///
/// # Errors
/// If a client cannot be linked.
pub async fn link(stage: &Stage, phones: &[String]) -> Result<Received, Box<dyn Error>> {
    let (sender, received) = mpsc::unbounded_channel();
    for phone in phones {
        tokio::time::timeout(LINK_TIMEOUT, link_one(stage, phone, sender.clone())).await??;
    }
    Ok(received)
}

#[expect(clippy::disallowed_methods, reason = "a measurement does not track tasks; they end with the process")]
async fn link_one(stage: &Stage, phone: &str, received: mpsc::UnboundedSender<()>) -> Result<(), Box<dyn Error>> {
    let backend = InMemoryBackend::new();
    backend.save(&device(&stage.sandbox_key)?).await?;
    let address = stage.sandbox_url.strip_prefix("http://").ok_or("not a URL")?.to_owned();
    let client = Client::builder()
        .with_runtime(TokioRuntime)
        .with_persistence_manager(Arc::new(PersistenceManager::new(Arc::new(backend)).await?))
        .with_transport_factory(Socket { address })
        .with_http_client(NoHttp)
        .with_skip_history_sync(true)
        .with_version_override((2, 3000, 0))
        .with_inbound_durability_hook(Acknowledger(received))
        .build()
        .await?;
    let (client, work) = client.into_parts();
    let (events, mut happened) = mpsc::unbounded_channel();
    client.subscribe_handler(Arc::new(Events(events))).detach();
    tokio::spawn(async move { while work.recv().await.is_ok() {} });
    tokio::spawn(async move { client.run().await });
    loop {
        match happened.recv().await.ok_or("the client ended")?.as_ref() {
            Event::PairingQrCode(shown) => {
                stage.client.play(&format!("/accounts/{phone}/scan"), json!({"qr": shown.code})).await?;
            }
            Event::OfflineSyncCompleted(_) => return Ok(()),
            _ => {}
        }
    }
}

/// A device that trusts the sandbox's key, as that of a session of the server.
fn device(key: &str) -> Result<Device, Box<dyn Error>> {
    let key = URL_SAFE_NO_PAD.decode(key)?.try_into().map_err(|_| "the sandbox's key does not have 32 bytes")?;
    let trusted = CachedNoiseCert { key, not_before: 0, not_after: i64::MAX };
    let mut device = Device::new();
    device.pn = Some(Jid::pn("10000000000"));
    device.server_cert_chain = Some(CachedServerCertChain { intermediate: trusted.clone(), leaf: trusted });
    Ok(device)
}

/// Has each message acknowledged at once.
struct Acknowledger(mpsc::UnboundedSender<()>);

#[async_trait]
impl InboundDurabilityHook for Acknowledger {
    async fn on_messages(&self, _client: Arc<Client>, batch: &[InboundMessage]) -> anyhow::Result<()> {
        for _ in batch {
            self.0.send(())?;
        }
        Ok(())
    }
}

/// Forwards the events of a client.
struct Events(mpsc::UnboundedSender<Arc<Event>>);

impl EventHandler for Events {
    fn handle_event(&self, event: Arc<Event>) {
        // Nothing is read after the link.
        drop(self.0.send(event));
    }
}

/// A WebSocket to the sandbox, as the server opens it.
struct Socket {
    address: String,
}

#[async_trait]
impl TransportFactory for Socket {
    async fn create_transport(&self) -> anyhow::Result<(Arc<dyn Transport>, async_channel::Receiver<TransportEvent>)> {
        let connection = TcpStream::connect(&self.address).await?;
        connection.set_nodelay(true)?;
        let connection = Connector::Plain.wrap(&self.address, connection).await?;
        let request = ClientBuilder::new().uri(&format!("ws://{}/ws/chat", self.address))?;
        Ok(from_websocket(request.connect_on(connection).await?.0))
    }
}

/// Rejects every request. The library sends one only for a history, which these accounts do not import.
struct NoHttp;

#[async_trait]
impl HttpClient for NoHttp {
    async fn execute(&self, request: HttpRequest) -> anyhow::Result<HttpResponse> {
        Err(anyhow::anyhow!("no request is expected: {}", request.url))
    }
}
