//! One WebSocket, from its first message to its last.

use std::{convert::Infallible, panic::AssertUnwindSafe, pin::pin, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio::{
    io::{AsyncReadExt as _, copy, sink},
    time::{Instant, sleep, sleep_until, timeout, timeout_at},
};
use tokio_tungstenite::tungstenite::{self, Message};
use tracing::debug;

use super::{
    close_code::CloseReason,
    frames::Violation,
    operations::{Operations, OutgoingMessage},
    protocol::{ClientMessage, Protocol, acknowledge, complete, pong},
    socket::Socket,
};
use crate::{
    graphql::{Caller, OpenPermit, error::ApiError},
    http::{
        bearer_token, graphql_request,
        request_id::RequestId,
        request_source::RequestSource,
        response,
        state::HttpState,
        token_watch::{self, TokenWatch, drained},
    },
};

/// Timeout for the client's response to a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Maximum number of messages that are sent before the client's messages have their turn.
const MAX_MESSAGES_AT_ONCE: usize = 32;
/// Maximum size in bytes of the messages before another one is added to them: all share one write timeout.
const MAX_BYTES_AT_ONCE: usize = 16 * 1024;

/// Maximum size to discard after closing because of too much data, in bytes.
const MAX_DROPPED_LEN: u64 = 16 * 1024 * 1024;

/// The end of a connection: with a close frame, or because the client is disconnected.
enum Disconnect {
    Close(CloseReason),
    Gone,
}

impl<C: Into<CloseReason>> From<C> for Disconnect {
    fn from(close: C) -> Self {
        Self::Close(close.into())
    }
}

/// A message and its size in bytes.
type Received = (ClientMessage, usize);

/// One WebSocket.
pub(super) struct Connection {
    http: Arc<HttpState>,
    request: RequestId,
    source: RequestSource,
    header_token: Option<String>,
    protocol: Protocol,
    socket: Socket,
    /// Counts the WebSocket in its organization, once the client is authenticated.
    counted: Option<OpenPermit>,
    /// Time of the oldest ping without a response.
    asked: Option<Instant>,
}

/// Closes a WebSocket that offers no supported subprotocol.
pub(super) async fn reject_protocol(http: &HttpState, mut socket: Socket) {
    close_socket(http, &mut socket, &CloseReason::ProtocolViolation, None).await;
}

impl Connection {
    pub(super) fn new(
        http: Arc<HttpState>,
        request: RequestId,
        source: RequestSource,
        header_token: Option<String>,
        protocol: Protocol,
        socket: Socket,
    ) -> Self {
        Self { http, request, source, header_token, protocol, socket, counted: None, asked: None }
    }

    /// Runs the protocol until the client or the server ends it.
    pub(super) async fn run(mut self) {
        // The panic hook has logged the message.
        let end = match AssertUnwindSafe(self.serve()).catch_unwind().await {
            Ok(Ok(never)) => match never {},
            Ok(Err(end)) => end,
            Err(_) => CloseReason::Internal.into(),
        };
        debug!(closed = matches!(end, Disconnect::Close(_)), "WebSocket closed");
        let Disconnect::Close(close) = end else { return };
        let is_open = match (&close, self.protocol.reject("a valid token is required")) {
            (CloseReason::Forbidden, Some(refusal)) => self.send_text(refusal).await.is_ok(),
            _ => true,
        };
        if is_open {
            Box::pin(close_socket(&self.http, &mut self.socket, &close, Some(self.protocol))).await;
        }
    }

    async fn serve(&mut self) -> Result<Infallible, Disconnect> {
        let mut leaving = pin!(drained(Arc::clone(&self.http)));
        // What is rare is boxed: the task of an idle WebSocket has no room for it.
        let mut watch = tokio::select! {
            () = leaving.as_mut() => return Err(CloseReason::GoingAway.into()),
            introduced = Box::pin(self.wait_for_init()) => introduced?,
        };
        self.send_text(acknowledge()).await?;
        if self.protocol == Protocol::Legacy {
            self.send_text(self.protocol.heartbeat()).await?;
        }
        let heartbeat = self.http.config.heartbeat;
        let (mut beat, mut check) = (pin!(sleep(heartbeat)), pin!(sleep_until(watch.due())));
        let mut operations = Operations::new(Arc::clone(&self.http), self.protocol, self.request.clone());
        // The client's messages are rate-limited, so they are handled before pings and responses. After a pause of the
        // server, its responses to pings are read before the timeout is checked.
        loop {
            // A new timer for each message would cost as much as the message.
            if check.deadline() != watch.due() {
                check.as_mut().reset(watch.due());
            }
            tokio::select! {
                biased;
                () = leaving.as_mut() => return Err(CloseReason::GoingAway.into()),
                () = check.as_mut() => Box::pin(watch.check_due()).await?,
                message = self.socket.next() => {
                    if let Some(message) = self.read_message(message)? {
                        Box::pin(self.handle_message(message, &mut watch, &mut operations)).await?;
                    }
                }
                () = beat.as_mut() => {
                    self.send_heartbeat().await?;
                    beat.as_mut().reset(Instant::now() + heartbeat);
                }
                news = operations.next() => self.send_ready(news, &mut operations).await?,
            }
        }
    }

    /// Sends a ping. Fails if the previous ones had no response in time.
    async fn send_heartbeat(&mut self) -> Result<(), Disconnect> {
        let asked = *self.asked.get_or_insert_with(Instant::now);
        if asked.elapsed() > self.http.config.silence {
            return Err(CloseReason::HeartbeatTimeout.into());
        }
        // Every WebSocket library responds to this ping. The keep-alive of the older protocol has no response.
        self.send(Message::Ping(Vec::new().into())).await?;
        self.send_text(self.protocol.heartbeat()).await
    }

    /// Waits for `connection_init`, and authenticates the client.
    async fn wait_for_init(&mut self) -> Result<TokenWatch, Disconnect> {
        let deadline = Instant::now() + self.http.config.init_timeout;
        loop {
            let message = timeout_at(deadline, self.socket.next()).await.map_err(|_| CloseReason::InitTimeout)?;
            match self.read_message(message)? {
                Some((ClientMessage::Init { payload }, _)) => {
                    let in_init = bearer_token::in_init(payload.as_ref()).map(str::to_owned);
                    let token = in_init.or_else(|| self.header_token.take()).ok_or(CloseReason::Forbidden)?;
                    let viewer = token_watch::authenticate(&self.http, &token, &self.source).await?;
                    self.socket.get_mut().set_max_message_len(self.http.config.max_body);
                    let counted = self.http.parts.api.open_socket(&viewer);
                    self.counted = Some(counted.map_err(|_| CloseReason::TooManySockets)?);
                    return Ok(TokenWatch::new(Arc::clone(&self.http), token, &viewer));
                }
                Some((ClientMessage::Ping { payload }, _)) => self.send_text(pong(payload)).await?,
                Some((ClientMessage::Start { .. } | ClientMessage::StartTooLarge { .. }, _)) => {
                    return Err(CloseReason::Unauthorized.into());
                }
                Some((ClientMessage::Leave, _)) => return Err(CloseReason::ClientLeft.into()),
                Some((ClientMessage::Pong | ClientMessage::Stop { .. }, _)) | None => {}
            }
        }
    }

    /// Parses a frame. `None` for ping and pong frames.
    fn read_message(
        &mut self,
        message: Option<Result<Message, tungstenite::Error>>,
    ) -> Result<Option<Received>, Disconnect> {
        self.asked = None;
        match message {
            Some(Ok(Message::Text(text))) => {
                let message = self.protocol.read(&text).ok_or(CloseReason::InvalidMessage)?;
                Ok(Some((message, text.len())))
            }
            Some(Ok(Message::Binary(_))) => Err(CloseReason::InvalidMessage.into()),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
            Some(Err(error)) => Err(close_reason(&error).map_or(Disconnect::Gone, Disconnect::Close)),
            Some(Ok(Message::Close(_) | Message::Frame(_))) | None => Err(Disconnect::Gone),
        }
    }

    async fn handle_message(
        &mut self,
        (message, bytes): Received,
        watch: &mut TokenWatch,
        operations: &mut Operations,
    ) -> Result<(), Disconnect> {
        match message {
            ClientMessage::Init { .. } => Err(CloseReason::TooManyInits.into()),
            ClientMessage::Ping { payload } => self.send_text(pong(payload)).await,
            ClientMessage::Pong => Ok(()),
            ClientMessage::Leave => Err(CloseReason::ClientLeft.into()),
            ClientMessage::Stop { id } => {
                // Clients of the older protocol wait for this message.
                if operations.stop(&id) && self.protocol == Protocol::Legacy {
                    self.send_text(complete(&id)).await?;
                }
                Ok(())
            }
            ClientMessage::StartTooLarge { id, error } => self.reject(&id, error).await,
            ClientMessage::Start { id, payload } => {
                // In the older protocol the new operation replaces the running one.
                if operations.has(&id) && self.protocol == Protocol::Transport {
                    return Err(CloseReason::SubscriberExists(id).into());
                }
                operations.stop(&id);
                let request = graphql_request::from_json(payload).ok_or(CloseReason::InvalidMessage)?;
                if let Some(full) = operations.limit_reached(bytes) {
                    return self.reject(&id, full).await;
                }
                let caller = Caller { viewer: watch.reverify().await?, request_id: Arc::clone(&self.request.0) };
                operations.start(&id, bytes, caller, request);
                Ok(())
            }
        }
    }

    /// Sends a message, and those that are ready after it, with as few writes as possible. Fails if the client does not
    /// read within the write timeout.
    async fn send_ready(&mut self, first: OutgoingMessage, operations: &mut Operations) -> Result<(), Disconnect> {
        let socket = &mut self.socket;
        let sending = async {
            let (mut next, mut turns, mut count, mut bytes) = (Some(first), Vec::new(), 0, 0);
            while let Some(OutgoingMessage { text, turn }) = next {
                turns.extend(turn);
                (count, bytes) = (count + 1, bytes + text.len());
                socket.feed(Message::Text(text.into())).await?;
                let has_space = count < MAX_MESSAGES_AT_ONCE && bytes < MAX_BYTES_AT_ONCE;
                next = if has_space { operations.next().now_or_never() } else { None };
            }
            socket.flush().await
        };
        match timeout(self.http.config.write_timeout, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Disconnect::Gone),
        }
    }

    async fn reject(&mut self, id: &str, error: ApiError) -> Result<(), Disconnect> {
        let error = response::error(error, &self.request);
        self.send_text(self.protocol.error(id, &[error])).await
    }

    async fn send_text(&mut self, message: String) -> Result<(), Disconnect> {
        self.send(Message::Text(message.into())).await
    }

    /// Sends a message. Fails if the client does not read within the write timeout.
    async fn send(&mut self, message: Message) -> Result<(), Disconnect> {
        match timeout(self.http.config.write_timeout, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Disconnect::Gone),
        }
    }
}

/// Sends the close frame, then discards input for a moment. Closing a socket with unread data would reset the
/// connection, and the close frame would be lost.
async fn close_socket(http: &HttpState, socket: &mut Socket, close: &CloseReason, protocol: Option<Protocol>) {
    let frame = close.frame(protocol);
    http.parts.metrics.closed(frame.code.into());
    let said_and_answered = async {
        if socket.send(Message::Close(Some(frame))).await.is_err() {
            return;
        }
        if matches!(close, CloseReason::TooLong | CloseReason::TooManyMessages) {
            // The stream is no longer decoded, so the client's close frame cannot be recognized. Input is discarded
            // until the client disconnects.
            let _ = copy(&mut socket.get_mut().undecoded().take(MAX_DROPPED_LEN), &mut sink()).await;
        } else {
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    // It does not matter whether the client receives it.
    let _ = timeout(CLOSE_TIMEOUT, said_and_answered).await;
}

/// Returns the reason for closing the WebSocket if the server rejected the input; `None` if the client is disconnected.
fn close_reason(error: &tungstenite::Error) -> Option<CloseReason> {
    match error {
        tungstenite::Error::Capacity(_) => Some(CloseReason::TooLong),
        tungstenite::Error::Io(error) => Violation::in_error(error).map(|violation| match violation {
            Violation::TooLong => CloseReason::TooLong,
            Violation::TooMany => CloseReason::TooManyMessages,
        }),
        _ => None,
    }
}
