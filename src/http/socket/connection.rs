//! One WebSocket from its first message to its last.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::Response;
use async_graphql::ServerError;
use async_graphql::Value;
use axum::extract::ws::Message;
use axum::extract::ws::WebSocket;
use futures_util::StreamExt as _;
use futures_util::stream;
use futures_util::stream::BoxStream;
use tokio::time::Instant;
use tokio::time::interval_at;
use tokio::time::sleep_until;
use tokio::time::timeout;
use tokio::time::timeout_at;
use tokio_stream::StreamMap;
use tracing::debug;

use crate::auth::viewer::Viewer;
use crate::graphql::Answers;
use crate::graphql::Caller;
use crate::graphql::error::ApiError;
use crate::http::Door;
use crate::http::answer;
use crate::http::payload;
use crate::http::request::RequestId;
use crate::http::token;

use super::close::Close;
use super::message;
use super::message::FromCaller;

/// How many missed signs of life end a connection.
const MISSED: u32 = 3;

/// Why nothing more is said: with a close frame, or because the caller is gone.
enum End {
    Close(Close),
    Gone,
}

impl From<Close> for End {
    fn from(close: Close) -> Self {
        Self::Close(close)
    }
}

/// What an operation says next: an answer or, with none, that it is over.
type Said = Option<Response>;

/// One WebSocket.
pub(super) struct Connection {
    door: Arc<Door>,
    request: RequestId,
    header_token: Option<String>,
    socket: WebSocket,
    operations: StreamMap<String, BoxStream<'static, Said>>,
    subscriptions: HashSet<String>,
    heard: Instant,
}

impl Connection {
    pub(super) fn new(door: Arc<Door>, request: RequestId, header_token: Option<String>, socket: WebSocket) -> Self {
        let (operations, subscriptions) = (StreamMap::new(), HashSet::new());
        Self { door, request, header_token, socket, operations, subscriptions, heard: Instant::now() }
    }

    /// Speaks the protocol until the caller goes, or is sent away.
    pub(super) async fn run(mut self) {
        let end = match self.converse().await {
            Ok(never) => match never {},
            Err(end) => end,
        };
        debug!(closed = matches!(end, End::Close(_)), "WebSocket ended");
        if let End::Close(close) = end {
            let frame = close.frame();
            self.door.parts.metrics.closed(frame.code);
            // Whether the caller still hears it does not matter.
            let _ = self.send(Message::Close(Some(frame))).await;
        }
    }

    async fn converse(&mut self) -> Result<Infallible, End> {
        if self.socket.protocol().is_none() {
            return Err(Close::NotTheProtocol.into());
        }
        let (token, viewer) = self.introduction().await?;
        self.say(message::acknowledge()).await?;
        let heartbeat = self.door.config.heartbeat;
        let mut beat = interval_at(Instant::now() + heartbeat, heartbeat);
        let mut due = self.due(&viewer);
        let stop = self.door.parts.stop.clone();
        loop {
            tokio::select! {
                () = stop.cancelled() => return Err(Close::GoingAway.into()),
                _ = beat.tick() => {
                    if self.heard.elapsed() > heartbeat * MISSED {
                        return Err(Close::Silent.into());
                    }
                    self.say(message::ping()).await?;
                }
                () = sleep_until(due) => {
                    let viewer = verify(&self.door, &token).await?;
                    due = self.due(&viewer);
                }
                message = self.socket.recv() => {
                    if let Some(message) = self.heard(message)? {
                        self.obey(message, &token).await?;
                    }
                }
                Some((id, said)) = self.operations.next() => self.tell(&id, said).await?,
            }
        }
    }

    /// When the token is to be verified again: every few seconds, as it may have been revoked, and when it ends.
    fn due(&self, viewer: &Viewer) -> Instant {
        let every = self.door.config.verify;
        Instant::now() + self.door.parts.tokens.remaining(viewer).map_or(every, |remaining| remaining.min(every))
    }

    /// Waits for the caller to say who it is.
    async fn introduction(&mut self) -> Result<(String, Arc<Viewer>), End> {
        let deadline = Instant::now() + self.door.config.init_timeout;
        loop {
            let message = timeout_at(deadline, self.socket.recv()).await.map_err(|_| Close::InitTimeout)?;
            match self.heard(message)? {
                Some(FromCaller::ConnectionInit { payload }) => {
                    let in_init = token::in_init(payload.as_ref()).map(str::to_owned);
                    let token = in_init.or_else(|| self.header_token.take()).ok_or(Close::Forbidden)?;
                    let viewer = verify(&self.door, &token).await?;
                    return Ok((token, viewer));
                }
                Some(FromCaller::Ping { payload }) => self.say(message::pong(payload)).await?,
                Some(FromCaller::Subscribe { .. }) => return Err(Close::Unauthorized.into()),
                Some(FromCaller::Pong {} | FromCaller::Complete { .. }) | None => {}
            }
        }
    }

    /// Reads what came; none for what only concerns the WebSocket itself.
    fn heard(&mut self, message: Option<Result<Message, axum::Error>>) -> Result<Option<FromCaller>, End> {
        self.heard = Instant::now();
        match message {
            Some(Ok(Message::Text(text))) => FromCaller::read(&text).map(Some).ok_or(Close::InvalidMessage.into()),
            Some(Ok(Message::Binary(_))) => Err(Close::InvalidMessage.into()),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
            Some(Ok(Message::Close(_)) | Err(_)) | None => Err(End::Gone),
        }
    }

    async fn obey(&mut self, message: FromCaller, token: &str) -> Result<(), End> {
        match message {
            FromCaller::ConnectionInit { .. } => Err(Close::TooManyInits.into()),
            FromCaller::Ping { payload } => self.say(message::pong(payload)).await,
            FromCaller::Pong {} => Ok(()),
            FromCaller::Complete { id } => {
                self.forget(&id);
                Ok(())
            }
            FromCaller::Subscribe { id, payload } => {
                if self.operations.contains_key(&id) {
                    return Err(Close::SubscriberExists(id).into());
                }
                let request = payload::read(payload).ok_or(Close::InvalidMessage)?;
                if self.operations.len() >= self.door.config.max_operations {
                    let limit = self.door.config.max_operations;
                    return self.refuse(&id, format!("at most {limit} operations at once on one connection")).await;
                }
                let viewer = verify(&self.door, token).await?;
                let caller = Caller { viewer, request_id: Arc::clone(&self.request.0) };
                let Answers { subscribed, responses } = self.door.parts.api.start(caller, request);
                if subscribed {
                    self.subscriptions.insert(id.clone());
                }
                let said = responses.map(Some).chain(stream::once(async { None }));
                self.operations.insert(id, said.boxed());
                Ok(())
            }
        }
    }

    async fn tell(&mut self, id: &str, said: Said) -> Result<(), End> {
        // A caller comes back after this close, and goes on where it was; an operation's error would be the end of it.
        if self.door.parts.stop.is_cancelled() {
            return Err(Close::GoingAway.into());
        }
        match said {
            Some(response) if self.failed(id, &response) => {
                self.forget(id);
                self.say(message::error(id, &response)).await
            }
            Some(response) => self.say(message::next(id, &response)).await,
            None => {
                self.forget(id);
                self.say(message::complete(id)).await
            }
        }
    }

    /// Whether an answer is the failure of the operation itself: it was refused, or its stream broke.
    fn failed(&self, id: &str, response: &Response) -> bool {
        let broke = self.subscriptions.contains(id) && response.data == Value::Null && !response.errors.is_empty();
        broke || !answer::was_carried_out(response)
    }

    async fn refuse(&mut self, id: &str, message: String) -> Result<(), End> {
        let error = async_graphql::Error::from(ApiError::limit_exceeded(message));
        let error = ServerError { extensions: error.extensions, ..ServerError::new(error.message, None) };
        self.say(message::error(id, &Response::from_errors(vec![error]))).await
    }

    fn forget(&mut self, id: &str) {
        self.operations.remove(id);
        self.subscriptions.remove(id);
    }

    async fn say(&mut self, message: String) -> Result<(), End> {
        self.send(Message::Text(message.into())).await
    }

    /// Sends, or gives up on a caller that does not read.
    async fn send(&mut self, message: Message) -> Result<(), End> {
        let write_timeout: Duration = self.door.config.write_timeout;
        match timeout(write_timeout, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }
}

/// Who is there: asked at the start, for each operation, and again and again, so that a token that ended ends its
/// connections.
async fn verify(door: &Door, token: &str) -> Result<Arc<Viewer>, End> {
    match door.parts.tokens.verify(token).await {
        Ok(Some(viewer)) => Ok(Arc::new(viewer)),
        Ok(None) => Err(Close::Forbidden.into()),
        Err(cause) => {
            let _logged = ApiError::failed(&cause);
            Err(Close::Internal.into())
        }
    }
}
