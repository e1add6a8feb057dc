//! One WebSocket from its first message to its last.

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
use crate::graphql::Open;
use crate::graphql::error::ApiError;
use crate::http::Door;
use crate::http::answer;
use crate::http::network::Source;
use crate::http::payload;
use crate::http::request::RequestId;
use crate::http::token;
use crate::http::vigil;
use crate::http::vigil::Vigil;
use crate::http::vigil::leaving;

use super::Socket;
use super::close::Close;
use super::frames::Violation;
use super::operations::Operations;
use super::protocol::FromCaller;
use super::protocol::Protocol;
use super::protocol::acknowledge;
use super::protocol::complete;
use super::protocol::pong;

/// How long the caller may take to answer a close.
const CLOSING: Duration = Duration::from_secs(1);

/// The most that is dropped behind a close for too much, in bytes.
const MAX_DROPPED_LEN: u64 = 16 * 1024 * 1024;

/// Why nothing more is said: with a close frame, or because the caller is gone.
enum End {
    Close(Close),
    Gone,
}

impl<C: Into<Close>> From<C> for End {
    fn from(close: C) -> Self {
        Self::Close(close.into())
    }
}

/// What was heard, in how many bytes.
type Heard = (FromCaller, usize);

/// One WebSocket.
pub(super) struct Connection {
    door: Arc<Door>,
    request: RequestId,
    source: Source,
    header_token: Option<String>,
    protocol: Protocol,
    socket: Socket,
    /// What it is counted by, once the caller is known.
    counted: Option<Open>,
    /// When the oldest wish for a sign of life was sent that was not fulfilled.
    asked: Option<Instant>,
}

/// Sends away who speaks none of the protocols.
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

    /// Speaks the protocol until the caller goes, or is sent away.
    pub(super) async fn run(mut self) {
        // A panic's own message went to the log by the panic hook.
        let end = match AssertUnwindSafe(self.converse()).catch_unwind().await {
            Ok(Ok(never)) => match never {},
            Ok(Err(end)) => end,
            Err(_) => Close::Internal.into(),
        };
        debug!(closed = matches!(end, End::Close(_)), "WebSocket ended");
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
        // What a caller says is bounded, so it comes before what is due and what the caller is told: after a pause of the
        // server, the caller is not the silent one.
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

    /// Gives a sign of life, and wants one.
    async fn beat(&mut self) -> Result<(), End> {
        let asked = *self.asked.get_or_insert_with(Instant::now);
        if asked.elapsed() > self.door.config.silence {
            return Err(Close::Silent.into());
        }
        // Every client's library answers this one by itself. In the older protocol, the protocol's own has no answer.
        self.send(Message::Ping(Vec::new().into())).await?;
        self.say(self.protocol.heartbeat()).await
    }

    /// Waits for the caller to say who it is.
    async fn introduction(&mut self) -> Result<Vigil, End> {
        let deadline = Instant::now() + self.door.config.init_timeout;
        loop {
            let message = timeout_at(deadline, self.socket.next()).await.map_err(|_| Close::InitTimeout)?;
            match self.heard(message)? {
                Some((FromCaller::Init { payload }, _)) => {
                    let in_init = token::in_init(payload.as_ref()).map(str::to_owned);
                    let token = in_init.or_else(|| self.header_token.take()).ok_or(Close::Forbidden)?;
                    let viewer = vigil::admit(&self.door, &token, &self.source).await?;
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

    /// Reads what came; none for what only concerns the WebSocket itself.
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
                // Callers of the older protocol wait for it.
                if operations.stop(&id) && self.protocol == Protocol::Older {
                    self.say(complete(&id)).await?;
                }
                Ok(())
            }
            FromCaller::StartTooMuch { id, error } => self.refuse(&id, error).await,
            FromCaller::Start { id, payload } => {
                // In the older protocol the new one takes its place.
                if operations.has(&id) && self.protocol == Protocol::Transport {
                    return Err(Close::SubscriberExists(id).into());
                }
                operations.stop(&id);
                let request = payload::read(payload).ok_or(Close::InvalidMessage)?;
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
        let error = answer::error(error, &self.request);
        self.say(self.protocol.error(id, &[error])).await
    }

    async fn say(&mut self, message: String) -> Result<(), End> {
        self.send(Message::Text(message.into())).await
    }

    /// Sends, or gives up on a caller that does not read.
    async fn send(&mut self, message: Message) -> Result<(), End> {
        match timeout(self.door.config.write_timeout, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }
}

/// Says why the connection ends, and gives the caller a moment to hear it: a connection with something unread in it is
/// cut, and the last words with it.
async fn part(door: &Door, socket: &mut Socket, close: &Close, protocol: Option<Protocol>) {
    let frame = close.frame(protocol);
    door.parts.metrics.closed(frame.code.into());
    let said_and_answered = async {
        if socket.send(Message::Close(Some(frame))).await.is_err() {
            return;
        }
        if matches!(close, Close::TooLong | Close::TooManyMessages) {
            // Nothing more is decoded, so the answer is not found in it. What comes is dropped until the client closes.
            let _ = copy(&mut socket.get_mut().undecoded().take(MAX_DROPPED_LEN), &mut sink()).await;
        } else {
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    // Whether the caller still hears it does not matter.
    let _ = timeout(CLOSING, said_and_answered).await;
}

/// The reason to close the WebSocket, if the server refuses to read on; otherwise the client is gone.
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
