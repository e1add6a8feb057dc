//! One operation's answers as a response that goes on: `events` writes them as server-sent events, `parts` as a
//! multipart body. This file is what both have in common: who may stay, and for how long.

mod events;
mod parts;

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;

use async_graphql::Request;
use async_graphql::ServerError;
use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::HeaderName;
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse as _;
use axum::response::Response;
use futures_util::FutureExt as _;
use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio::time::sleep_until;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tracing::Instrument as _;
use tracing::Span;

use crate::graphql::Answer;
use crate::graphql::Caller;
use crate::graphql::LastEvent;
use crate::graphql::Operation;
use crate::graphql::Turns;
use crate::graphql::error::ApiError;
use crate::graphql::error::Code;

use super::Door;
use super::answer;
use super::request::RequestId;
use super::vigil::Refused;
use super::vigil::Vigil;
use super::vigil::leaving;

/// How the answers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// `text/event-stream`, as graphql-sse's clients read it: one connection for each operation.
    Events,
    /// `multipart/mixed`, as Apollo's clients read it.
    Parts,
}

impl Format {
    fn media_type(self) -> &'static str {
        match self {
            Self::Events => events::MEDIA_TYPE,
            Self::Parts => parts::MEDIA_TYPE,
        }
    }

    /// What comes first.
    fn opening(self) -> String {
        match self {
            Self::Events => events::heartbeat(),
            Self::Parts => parts::opening(),
        }
    }

    fn heartbeat(self) -> String {
        match self {
            Self::Events => events::heartbeat(),
            Self::Parts => parts::heartbeat(),
        }
    }

    fn next(self, answer: &Answer) -> String {
        let cursor = answer.turn.as_ref().and_then(|turn| turn.cursor.as_deref());
        match self {
            Self::Events => events::next(&answer::json(&answer.response), cursor),
            Self::Parts => parts::next(&answer::json(&answer.response)),
        }
    }

    /// Why there is nothing more, though the operation is not at its end.
    fn failure(self, error: ServerError) -> String {
        match self {
            Self::Events => events::failure(error),
            Self::Parts => parts::failure(&error),
        }
    }

    fn complete(self) -> String {
        match self {
            Self::Events => events::complete(),
            Self::Parts => parts::complete(),
        }
    }

    /// The last words of a server that stops; a caller comes back after them, and goes on where it was.
    fn farewell(self, error: &ServerError) -> Option<String> {
        match self {
            // A client of server-sent events comes back when the stream breaks off, and not when it is complete.
            Self::Events => None,
            Self::Parts => Some(parts::failure(error)),
        }
    }
}

/// Where a client goes on after its stream broke off.
const LAST_EVENT: &str = "last-event-id";

/// Starts an operation whose answers may be streamed, one after the other.
pub(super) fn start(door: &Door, caller: Caller, headers: &HeaderMap, request: Request) -> Operation {
    let last = headers.get(LAST_EVENT).and_then(|last| last.to_str().ok()).filter(|last| !last.is_empty());
    let request = match last {
        Some(last) => request.data(LastEvent(last.to_owned())),
        None => request,
    };
    door.parts.api.start(caller, request, &Turns::new(1))
}

/// The response that goes on for as long as the operation does.
pub(super) fn response(
    door: &Arc<Door>,
    id: &RequestId,
    vigil: Vigil,
    format: Format,
    operation: Operation,
) -> Response {
    let (frames, body) = mpsc::channel(1);
    let speaker = Speaker { door: Arc::clone(door), id: id.clone(), format, frames };
    door.parts.tasks.spawn(speaker.run(vigil, operation).instrument(Span::current()));
    let body = Body::from_stream(ReceiverStream::new(body).map(Ok::<_, Infallible>));
    let mut response = body.into_response();
    response.headers_mut().extend([
        (CONTENT_TYPE, HeaderValue::from_static(format.media_type())),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // nginx would keep it back otherwise.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ]);
    response
}

/// The caller is gone, or does not read.
struct Gone;

/// What writes a stream.
struct Speaker {
    door: Arc<Door>,
    id: RequestId,
    format: Format,
    frames: mpsc::Sender<String>,
}

impl Speaker {
    async fn run(self, vigil: Vigil, operation: Operation) {
        // A panic's own message went to the log by the panic hook.
        if AssertUnwindSafe(self.speak(vigil, operation)).catch_unwind().await.is_err() {
            let _ = self.say(self.failure(ApiError::internal())).await;
        }
    }

    async fn speak(&self, mut vigil: Vigil, mut operation: Operation) -> Result<(), Gone> {
        let mut leaving = pin!(leaving(Arc::clone(&self.door)));
        let heartbeat = self.door.config.heartbeat;
        let mut beat = Instant::now() + heartbeat;
        self.say(self.format.opening()).await?;
        loop {
            tokio::select! {
                biased;
                () = leaving.as_mut() => return self.leave().await,
                () = self.frames.closed() => return Err(Gone),
                () = sleep_until(vigil.due()) => {
                    if let Err(refused) = vigil.still().await {
                        return self.say(self.refusal(refused)).await;
                    }
                }
                () = sleep_until(beat) => {
                    self.say(self.format.heartbeat()).await?;
                    beat = Instant::now() + heartbeat;
                }
                answer = operation.answers.next() => {
                    let Some(answer) = answer else { return self.say(self.format.complete()).await };
                    if self.door.is_closing() && answer::is_the_end(operation.kind, &answer.response) {
                        return self.leave().await;
                    }
                    self.say(self.format.next(&answer)).await?;
                }
            }
        }
    }

    async fn leave(&self) -> Result<(), Gone> {
        let stopping = ApiError::new(Code::GatewayUnavailable, "the server is stopping");
        match self.format.farewell(&answer::error(stopping, &self.id)) {
            Some(farewell) => self.say(farewell).await,
            None => Ok(()),
        }
    }

    fn refusal(&self, refused: Refused) -> String {
        match refused {
            Refused::Token => self.failure(ApiError::unauthorized()),
            Refused::TooMany(retry_after) => self.failure(ApiError::rate_limited(retry_after)),
            Refused::Unknown => self.failure(ApiError::internal()),
        }
    }

    fn failure(&self, error: ApiError) -> String {
        self.format.failure(answer::error(error, &self.id))
    }

    /// Sends, or gives up on a caller that does not read.
    async fn say(&self, frame: String) -> Result<(), Gone> {
        match timeout(self.door.config.write_timeout, self.frames.send(frame)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }
}
