//! One WebSocket, from its first message to its last.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::SinkExt as _;
use futures_util::StreamExt as _;
use tokio::io::AsyncReadExt as _;
use tokio::io::copy;
use tokio::io::sink;
use tokio::time::Instant;
use tokio::time::sleep_until;
use tokio::time::timeout;
use tokio::time::timeout_at;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::Message;
use tracing::debug;

use crate::graphql::Caller;
use crate::graphql::OpenPermit;
use crate::graphql::error::ApiError;
use crate::http::Door;
use crate::http::bearer_token;
use crate::http::client_ip::Source;
use crate::http::graphql_request;
use crate::http::request_id::RequestId;
use crate::http::response;
use crate::http::token_watch;
use crate::http::token_watch::Vigil;
use crate::http::token_watch::leaving;

use super::Socket;
use super::close_code::Close;
use super::frames::Violation;
use super::operations::Operations;
use super::protocol::FromCaller;
use super::protocol::Protocol;
use super::protocol::acknowledge;
use super::protocol::complete;
use super::protocol::pong;

/// Timeout for the client's response to a close frame.
const CLOSING: Duration = Duration::from_secs(1);

/// Maximum size to discard after closing because of too much data, in bytes.
const MAX_DROPPED_LEN: u64 = 16 * 1024 * 1024;

/// The end of a connection: with a close frame, or because the client is disconnected.
enum End {
    Close(Close),
    Gone,
}

impl<C: Into<Close>> From<C> for End {
    fn from(close: C) -> Self {
        Self::Close(close.into())
    }
}

/// A message and its size in bytes.
type Heard = (FromCaller, usize);

/// One WebSocket.
pub(super) struct Connection {
    door: Arc<Door>,
    request: RequestId,
    source: Source,
    header_token: Option<String>,
    protocol: Protocol,
    socket: Socket,
    /// Counts the WebSocket in its organization, once the client is authenticated.
    counted: Option<OpenPermit>,
    /// Time of the oldest ping without a response.
    asked: Option<Instant>,
}

/// Closes a WebSocket that offers no supported subprotocol.
pub(super) async fn turn_away(door: &Door, mut socket: Socket) {
    part(door, &mut socket, &Close::NotTheProtocol, None).await;
}

impl Connection {
    pub(super) fn new(
        door: Arc<Door>,
        request: RequestId,
        source: Source,
        header_token: Option<String>,
        protocol: Protocol,
        socket: Socket,
    ) -> Self {
        Self { door, request, source, header_token, protocol, socket, counted: None, asked: None }
    }

    /// Runs the protocol until the client or the server ends it.
    pub(super) async fn run(mut self) {
        // The panic hook has logged the message.
        let end = match AssertUnwindSafe(self.converse()).catch_unwind().await {
            Ok(Ok(never)) => match never {},
            Ok(Err(end)) => end,
            Err(_) => Close::Internal.into(),
        };
        debug!(closed = matches!(end, End::Close(_)), "WebSocket closed");
        let End::Close(close) = end else { return };
        let told = match (&close, self.protocol.refuse("a valid token is required")) {
            (Close::Forbidden, Some(refusal)) => self.say(refusal).await.is_ok(),
            _ => true,
        };
        if told {
            part(&self.door, &mut self.socket, &close, Some(self.protocol)).await;
        }
    }

    async fn converse(&mut self) -> Result<Infallible, End> {
        let mut leaving = pin!(leaving(Arc::clone(&self.door)));
        let mut vigil = tokio::select! {
            () = leaving.as_mut() => return Err(Close::GoingAway.into()),
            introduced = self.introduction() => introduced?,
        };
        self.say(acknowledge()).await?;
        if self.protocol == Protocol::Older {
            self.say(self.protocol.heartbeat()).await?;
        }
        let heartbeat = self.door.config.heartbeat;
        let mut beat = Instant::now() + heartbeat;
        let mut operations = Operations::new(Arc::clone(&self.door), self.protocol);
        // The client's messages are rate-limited, so they are handled before pings and responses. After a pause of the
        // server, its responses to pings are read before the timeout is checked.
        loop {
            tokio::select! {
                biased;
                () = leaving.as_mut() => return Err(Close::GoingAway.into()),
                () = sleep_until(vigil.due()) => vigil.still().await?,
                message = self.socket.next() => {
                    if let Some(message) = self.heard(message)? {
                        self.obey(message, &mut vigil, &mut operations).await?;
                    }
                }
                () = sleep_until(beat) => {
                    self.beat().await?;
                    beat = Instant::now() + heartbeat;
                }
                news = operations.next() => self.say(news.text).await?,
            }
        }
    }

    /// Sends a ping. Fails if the previous ones had no response in time.
    async fn beat(&mut self) -> Result<(), End> {
        let asked = *self.asked.get_or_insert_with(Instant::now);
        if asked.elapsed() > self.door.config.silence {
            return Err(Close::Silent.into());
        }
        // Every WebSocket library responds to this ping. The keep-alive of the older protocol has no response.
        self.send(Message::Ping(Vec::new().into())).await?;
        self.say(self.protocol.heartbeat()).await
    }

    /// Waits for `connection_init`, and authenticates the client.
    async fn introduction(&mut self) -> Result<Vigil, End> {
        let deadline = Instant::now() + self.door.config.init_timeout;
        loop {
            let message = timeout_at(deadline, self.socket.next()).await.map_err(|_| Close::InitTimeout)?;
            match self.heard(message)? {
                Some((FromCaller::Init { payload }, _)) => {
                    let in_init = bearer_token::in_init(payload.as_ref()).map(str::to_owned);
                    let token = in_init.or_else(|| self.header_token.take()).ok_or(Close::Forbidden)?;
                    let viewer = token_watch::admit(&self.door, &token, &self.source).await?;
                    self.socket.get_mut().set_max_message_len(self.door.config.max_body);
                    let counted = self.door.parts.api.open_socket(&viewer);
                    self.counted = Some(counted.map_err(|_| Close::TooManySockets)?);
                    return Ok(Vigil::over(Arc::clone(&self.door), token, &viewer));
                }
                Some((FromCaller::Ping { payload }, _)) => self.say(pong(payload)).await?,
                Some((FromCaller::Start { .. } | FromCaller::StartTooMuch { .. }, _)) => {
                    return Err(Close::Unauthorized.into());
                }
                Some((FromCaller::Leave, _)) => return Err(Close::Asked.into()),
                Some((FromCaller::Pong | FromCaller::Stop { .. }, _)) | None => {}
            }
        }
    }

    /// Parses a frame. `None` for ping and pong frames.
    fn heard(&mut self, message: Option<Result<Message, tungstenite::Error>>) -> Result<Option<Heard>, End> {
        self.asked = None;
        match message {
            Some(Ok(Message::Text(text))) => {
                let message = self.protocol.read(&text).ok_or(Close::InvalidMessage)?;
                Ok(Some((message, text.len())))
            }
            Some(Ok(Message::Binary(_))) => Err(Close::InvalidMessage.into()),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
            Some(Err(error)) => Err(refused(&error).map_or(End::Gone, End::Close)),
            Some(Ok(Message::Close(_) | Message::Frame(_))) | None => Err(End::Gone),
        }
    }

    async fn obey(
        &mut self,
        (message, bytes): Heard,
        vigil: &mut Vigil,
        operations: &mut Operations,
    ) -> Result<(), End> {
        match message {
            FromCaller::Init { .. } => Err(Close::TooManyInits.into()),
            FromCaller::Ping { payload } => self.say(pong(payload)).await,
            FromCaller::Pong => Ok(()),
            FromCaller::Leave => Err(Close::Asked.into()),
            FromCaller::Stop { id } => {
                // Clients of the older protocol wait for this message.
                if operations.stop(&id) && self.protocol == Protocol::Older {
                    self.say(complete(&id)).await?;
                }
                Ok(())
            }
            FromCaller::StartTooMuch { id, error } => self.refuse(&id, error).await,
            FromCaller::Start { id, payload } => {
                // In the older protocol the new operation replaces the running one.
                if operations.has(&id) && self.protocol == Protocol::Transport {
                    return Err(Close::SubscriberExists(id).into());
                }
                operations.stop(&id);
                let request = graphql_request::read(payload).ok_or(Close::InvalidMessage)?;
                if let Some(full) = operations.full(bytes) {
                    return self.refuse(&id, full).await;
                }
                let caller = Caller { viewer: vigil.look().await?, request_id: Arc::clone(&self.request.0) };
                operations.start(&id, bytes, caller, request);
                Ok(())
            }
        }
    }

    async fn refuse(&mut self, id: &str, error: ApiError) -> Result<(), End> {
        let error = response::error(error, &self.request);
        self.say(self.protocol.error(id, &[error])).await
    }

    async fn say(&mut self, message: String) -> Result<(), End> {
        self.send(Message::Text(message.into())).await
    }

    /// Sends a message. Fails if the client does not read within the write timeout.
    async fn send(&mut self, message: Message) -> Result<(), End> {
        match timeout(self.door.config.write_timeout, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }
}

/// Sends the close frame, then discards input for a moment. Closing a socket with unread data would reset the
/// connection, and the close frame would be lost.
async fn part(door: &Door, socket: &mut Socket, close: &Close, protocol: Option<Protocol>) {
    let frame = close.frame(protocol);
    door.parts.metrics.closed(frame.code.into());
    let said_and_answered = async {
        if socket.send(Message::Close(Some(frame))).await.is_err() {
            return;
        }
        if matches!(close, Close::TooLong | Close::TooManyMessages) {
            // The stream is no longer decoded, so the client's close frame cannot be recognized. Input is discarded
            // until the client disconnects.
            let _ = copy(&mut socket.get_mut().undecoded().take(MAX_DROPPED_LEN), &mut sink()).await;
        } else {
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    // It does not matter whether the client receives it.
    let _ = timeout(CLOSING, said_and_answered).await;
}

/// Returns the reason for closing the WebSocket if the server rejected the input; `None` if the client is disconnected.
fn refused(error: &tungstenite::Error) -> Option<Close> {
    match error {
        tungstenite::Error::Capacity(_) => Some(Close::TooLong),
        tungstenite::Error::Io(error) => Violation::in_error(error).map(|violation| match violation {
            Violation::TooLong => Close::TooLong,
            Violation::TooMany => Close::TooManyMessages,
        }),
        _ => None,
    }
}
