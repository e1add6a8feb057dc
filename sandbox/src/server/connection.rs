//! Lifecycle of one connection: handshake, login, stanzas, end.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::{
    extract::{State, WebSocketUpgrade},
    response::Response,
};
use tokio::{sync::mpsc::UnboundedReceiver, time::timeout};
use tokio_util::sync::CancellationToken;
use whatsapp_rust::{
    buffa::Message as _,
    waproto::whatsapp::{ClientPayload, DeviceProps},
};

use super::{Server, client::Client, pairing_code, router::route};
use crate::{
    clock,
    companion::{
        disconnect::Refusal,
        outlet::{Outgoing, Outlet},
    },
    lock::locked,
    log::{Direction, LogSource},
    pairing::registry::Offer,
    phone::account::Account,
    wire::{
        node::{attr, node, render},
        noise::{self, Handshake, Refusal as Refused, Session},
        socket::{Broken, Decryptor, Encryptor, FrameSink, Frames, split},
    },
};

/// Time limit for a client's first message.
const HELLO_TIMEOUT: Duration = Duration::from_secs(20);
/// Maximum number of stanzas that are stored and sent together.
const MAX_BATCH_LEN: usize = 64;
/// Log entries for clients that requested a certificate. Only a client with a replaced root key may accept it.
const CERTIFICATE_ACCEPTED: &str = "a client accepted a certificate of the sandbox's own root";
const CERTIFICATE_REJECTED: &str = "rejected by a client: the certificate is not signed by WhatsApp's root";
/// Time for a client to notice that the connection is closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// `GET /ws/chat`
pub(crate) async fn accept(State(server): State<Arc<Server>>, upgrade: WebSocketUpgrade) -> Response {
    let task = server.services.tasks.token();
    upgrade.on_upgrade(move |socket| async move {
        let (mut frames, sink) = split(socket);
        serve(&server, &mut frames, sink).await;
        drop(task);
    })
}

/// State shared by the reader and the writer of a connection.
struct Shared {
    server: Arc<Server>,
    /// Known after the login.
    who: OnceLock<LogSource>,
    /// Of a companion that is logged in.
    account: OnceLock<Arc<Account>>,
    /// Cancelled when the writer has ended, or the sandbox stops.
    end: CancellationToken,
}

impl Shared {
    fn log_source(&self) -> LogSource {
        self.who.get().cloned().unwrap_or_default()
    }
}

async fn serve(server: &Arc<Server>, frames: &mut Frames, mut sink: FrameSink) {
    let hello = tokio::select! {
        hello = timeout(HELLO_TIMEOUT, frames.next()) => hello,
        () = server.services.stop.cancelled() => return,
    };
    let Ok(Ok(hello)) = hello else {
        return server.note(LogSource::default(), "a connection ended before its first message");
    };
    let session = match perform_handshake(server, &hello, frames, &mut sink).await {
        Ok(Some(session)) => session,
        Ok(None) => return,
        Err(refusal) => {
            tracing::warn!(error = %refusal, "Rejected a client");
            server.note(LogSource::default(), format!("refused: {refusal}"));
            return sink.close(&refusal.to_string()).await;
        }
    };
    let (outlet, outgoing) = Outlet::new(server.next_connection());
    let end = server.services.stop.child_token();
    let shared = Arc::new(Shared { server: Arc::clone(server), who: OnceLock::new(), account: OnceLock::new(), end });
    let writer = write(Arc::clone(&shared), sink, Encryptor::new(session.outbound), outgoing);
    server.services.tasks.spawn(writer);

    let offer = Offer { outlet: outlet.clone(), noise: session.client, full: wants_full_history(&session.payload) };
    let client = log_in(&shared, &offer, &session.payload);
    read(&shared, frames, Decryptor::new(session.inbound), &offer, client.as_ref()).await;

    server.services.pairings.withdraw(&outlet);
    outlet.ended();
    if let Some(client) = client {
        client.disconnect();
    }
    outlet.close("the connection has ended");
    server.note(shared.log_source(), "disconnected");
}

/// Returns whether an unpaired client asks for the full history.
fn wants_full_history(payload: &ClientPayload) -> bool {
    let props = payload.device_pairing_data.device_props.as_deref();
    let props = props.and_then(|props| DeviceProps::decode_from_slice(props).ok());
    props.and_then(|props| props.require_full_sync).unwrap_or_default()
}

/// Performs the handshake; `None` if the client disconnects during it.
async fn perform_handshake(
    server: &Server,
    hello: &[u8],
    frames: &mut Frames,
    sink: &mut FrameSink,
) -> Result<Option<Session>, Refused> {
    match noise::respond(hello, &server.identity)? {
        Handshake::Complete(answer, session) => Ok(sink.send(&answer).await.then_some(session)),
        Handshake::Introduced(answer, introduction) => {
            if !sink.send(&answer).await {
                return Ok(None);
            }
            let finish = tokio::select! {
                finish = timeout(HELLO_TIMEOUT, frames.next()) => finish,
                () = server.services.stop.cancelled() => return Ok(None),
            };
            let Ok(Ok(finish)) = finish else {
                server.note(LogSource::default(), CERTIFICATE_REJECTED);
                return Ok(None);
            };
            let session = introduction.finish(&finish)?;
            server.note(LogSource::default(), CERTIFICATE_ACCEPTED);
            Ok(Some(session))
        }
    }
}

/// Logs a companion in; any other client is offered a pairing.
fn log_in(shared: &Shared, offer: &Offer, payload: &ClientPayload) -> Option<Client> {
    let (server, outlet) = (&shared.server, &offer.outlet);
    let number = payload.username.unwrap_or_default().to_string();
    let device = u16::try_from(payload.device.unwrap_or_default()).unwrap_or_default();
    let account = server.account(&number).filter(|_| device != 0);
    let Some(account) = account else {
        server.note(LogSource::default(), "connected, not paired");
        match server.services.pairings.open(offer) {
            Ok(request) => outlet.send(request),
            Err(error) => tracing::error!(%error, "Offering a pairing failed"),
        }
        return None;
    };
    let _ = shared.who.set((Some(number), Some(device)));
    let refusal = match locked(&account.companions).get_mut(device).filter(|known| known.noise == offer.noise) {
        Some(companion) => companion.refusal(clock::now_ms()),
        None => Some(Refusal::Unlinked),
    };
    if let Some(refusal) = refusal {
        server.note(shared.log_source(), format!("refused: {refusal}"));
        outlet.send(refusal.stanza());
        outlet.close("refused");
        return None;
    }
    let _ = shared.account.set(Arc::clone(&account));
    server.note(shared.log_source(), "logged in");
    let success = node("success")
        .attr("t", clock::seconds(clock::now_ms()).to_string())
        .attr("lid", format!("{}:{device}@lid", account.lid))
        .attr("location", "sandbox")
        .attr("creation", clock::seconds(account.made_at).to_string());
    outlet.send(success.build());
    Some(Client { server: Arc::clone(server), account, device, outlet: outlet.clone() })
}

async fn read(shared: &Shared, frames: &mut Frames, mut decryptor: Decryptor, offer: &Offer, client: Option<&Client>) {
    loop {
        let frame = tokio::select! {
            frame = frames.next() => frame,
            () = shared.end.cancelled() => break,
        };
        let node = match frame.and_then(|frame| decryptor.decrypt(frame)) {
            Ok(node) => node,
            Err(Broken::Closed) => return,
            Err(error) => return shared.server.note(shared.log_source(), format!("dropped: {error}")),
        };
        shared.server.record(shared.log_source(), Direction::Received, render(&node));
        let reply = node.tag == "iq" && matches!(attr(&node, "type").as_deref(), Some("result" | "error"));
        match client {
            _ if reply => offer.outlet.answered(&node),
            Some(client) => {
                route(client, &node).await;
                client.account.save_soon(&client.server.services.tasks);
            }
            // Other stanzas of a client that is not paired need no answer.
            None => pairing_code::answer(&shared.server, offer, &node),
        }
    }
    // Drain the input for a moment: closing a socket with unread data would drop the last frames.
    let _ = timeout(CLOSE_TIMEOUT, async { while frames.next().await.is_ok() {} }).await;
}

async fn write(
    shared: Arc<Shared>,
    mut sink: FrameSink,
    mut encryptor: Encryptor,
    mut outgoing: UnboundedReceiver<Outgoing>,
) {
    let ending = shared.end.clone().drop_guard();
    let mut batch = Vec::with_capacity(MAX_BATCH_LEN);
    let reason = 'connection: loop {
        let count = tokio::select! {
            biased;
            () = shared.server.services.stop.cancelled() => break "the sandbox stops",
            count = outgoing.recv_many(&mut batch, MAX_BATCH_LEN) => count,
        };
        // Everything that is sent to a companion must survive a crash.
        if let Some(account) = shared.account.get()
            && let Err(error) = account.save().await
        {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "Closing a connection: its account could not be stored"
            );
            return;
        }
        if count == 0 {
            return;
        }
        for next in batch.drain(..) {
            let node = match next {
                Outgoing::Stanza(node) => node,
                Outgoing::Close(reason) => break 'connection reason,
                Outgoing::Half(node) => {
                    shared.server.record(shared.log_source(), Direction::Sent, format!("half of {}", render(&node)));
                    if let Some(frame) = encryptor.encrypt(&node) {
                        sink.send_half(&frame).await;
                    }
                    return;
                }
                Outgoing::Cut => return,
            };
            shared.server.record(shared.log_source(), Direction::Sent, render(&node));
            let Some(frame) = encryptor.encrypt(&node) else {
                tracing::error!(stanza = render(&node), "Encrypting a stanza failed");
                continue;
            };
            if !sink.send(&frame).await {
                return;
            }
        }
    };
    let _ = timeout(CLOSE_TIMEOUT, sink.close(reason)).await;
    drop(ending);
}
