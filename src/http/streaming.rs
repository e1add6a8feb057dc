//! Streams the responses of one operation: `sse` as server-sent events, `multipart` as a multipart body. This file
//! contains what both have in common: the token checks and the lifetime.

mod multipart;
mod sse;

use std::{convert::Infallible, panic::AssertUnwindSafe, pin::pin, sync::Arc};

use async_graphql::ServerError;
use axum::{
    body::Body,
    http::{
        HeaderMap, HeaderName, HeaderValue,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{IntoResponse as _, Response},
};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};
use tokio_stream::wrappers::ReceiverStream;
use tracing::{Instrument as _, Span};

use super::{
    content_negotiation::StreamFormat,
    request_id::RequestId,
    response,
    state::HttpState,
    token_watch::{AuthFailure, TokenWatch, drained},
};
use crate::graphql::{
    Answer, AnswerSlots, Caller, LastEvent, Operation, PendingRequest,
    error::{ApiError, ApiErrorCode},
};

impl StreamFormat {
    fn media_type(self) -> &'static str {
        match self {
            Self::Sse => sse::MEDIA_TYPE,
            Self::Multipart => multipart::MEDIA_TYPE,
        }
    }

    /// Returns the first bytes of the stream.
    fn preamble(self) -> String {
        match self {
            Self::Sse => sse::heartbeat(),
            Self::Multipart => multipart::preamble(),
        }
    }

    fn heartbeat(self) -> String {
        match self {
            Self::Sse => sse::heartbeat(),
            Self::Multipart => multipart::heartbeat(),
        }
    }

    fn next(self, answer: &Answer) -> String {
        match self {
            Self::Sse => sse::next(&answer.json(), answer.cursor()),
            Self::Multipart => multipart::next(&answer.json()),
        }
    }

    /// Returns the error that ends a stream before its operation is complete.
    fn failure(self, error: ServerError) -> String {
        match self {
            Self::Sse => sse::failure(error),
            Self::Multipart => multipart::failure(&error),
        }
    }

    fn complete(self) -> String {
        match self {
            Self::Sse => sse::complete(),
            Self::Multipart => multipart::complete(),
        }
    }

    /// Returns the last message of a server that is stopping, after which clients reconnect and resume.
    fn shutdown_frame(self, error: &ServerError) -> Option<String> {
        match self {
            // An SSE client reconnects if the stream is interrupted, but not if it is complete.
            Self::Sse => None,
            Self::Multipart => Some(multipart::failure(error)),
        }
    }
}

/// The header in which a client sends the event to resume after.
const LAST_EVENT_ID: &str = "last-event-id";

/// Starts an operation that can be streamed, one response at a time.
pub(super) fn start(http: &HttpState, caller: Caller, headers: &HeaderMap, pending: PendingRequest) -> Operation {
    let last = headers.get(LAST_EVENT_ID).and_then(|last| last.to_str().ok()).filter(|last| !last.is_empty());
    let pending = match last {
        Some(last) => pending.data(LastEvent(last.to_owned())),
        None => pending,
    };
    http.parts.api.start(caller, pending, &AnswerSlots::new(1))
}

/// Returns the streamed response, which lasts as long as the operation.
pub(super) fn response(
    http: &Arc<HttpState>,
    id: &RequestId,
    watch: TokenWatch,
    format: StreamFormat,
    operation: Operation,
) -> Response {
    let (frames, body) = mpsc::channel(1);
    let speaker = StreamWriter { http: Arc::clone(http), id: id.clone(), format, frames };
    http.parts.tasks.spawn(speaker.run(watch, operation).instrument(Span::current()));
    let body = Body::from_stream(ReceiverStream::new(body).map(Ok::<_, Infallible>));
    let mut response = body.into_response();
    response.headers_mut().extend([
        (CONTENT_TYPE, HeaderValue::from_static(format.media_type())),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // Disables buffering in nginx.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ]);
    response
}

/// The client is disconnected, or does not read.
struct ClientGone;

/// The task that writes a stream.
struct StreamWriter {
    http: Arc<HttpState>,
    id: RequestId,
    format: StreamFormat,
    frames: mpsc::Sender<String>,
}

impl StreamWriter {
    async fn run(self, watch: TokenWatch, operation: Operation) {
        // The panic hook has logged the message.
        if AssertUnwindSafe(self.write_events(watch, operation)).catch_unwind().await.is_err() {
            let _ = self.send(self.failure(ApiError::internal())).await;
        }
    }

    async fn write_events(&self, mut watch: TokenWatch, mut operation: Operation) -> Result<(), ClientGone> {
        let mut leaving = pin!(drained(Arc::clone(&self.http)));
        let heartbeat = self.http.config.heartbeat;
        let mut beat = Instant::now() + heartbeat;
        self.send(self.format.preamble()).await?;
        loop {
            tokio::select! {
                biased;
                () = leaving.as_mut() => return self.leave().await,
                () = self.frames.closed() => return Err(ClientGone),
                () = sleep_until(watch.due()) => {
                    if let Err(refused) = watch.check_due().await {
                        return self.send(self.rejection(refused)).await;
                    }
                }
                () = sleep_until(beat) => {
                    self.send(self.format.heartbeat()).await?;
                    beat = Instant::now() + heartbeat;
                }
                answer = operation.next() => {
                    let Some(answer) = answer else { return self.send(self.format.complete()).await };
                    if self.http.is_closing() && answer.failure(operation.kind).is_some() {
                        return self.leave().await;
                    }
                    self.send(self.format.next(&answer)).await?;
                    drop(answer);
                    operation.join_shared();
                }
            }
        }
    }

    async fn leave(&self) -> Result<(), ClientGone> {
        let stopping = ApiError::new(ApiErrorCode::GatewayUnavailable, "the server is stopping");
        match self.format.shutdown_frame(&response::error(stopping, &self.id)) {
            Some(farewell) => self.send(farewell).await,
            None => Ok(()),
        }
    }

    fn rejection(&self, refused: AuthFailure) -> String {
        match refused {
            AuthFailure::Invalid => self.failure(ApiError::unauthorized()),
            AuthFailure::Throttled(retry_after) => self.failure(ApiError::rate_limited(retry_after)),
            AuthFailure::Unavailable => self.failure(ApiError::internal()),
        }
    }

    fn failure(&self, error: ApiError) -> String {
        self.format.failure(response::error(error, &self.id))
    }

    /// Sends a frame. Fails if the client does not read within the write timeout.
    async fn send(&self, frame: String) -> Result<(), ClientGone> {
        match timeout(self.http.config.write_timeout, self.frames.send(frame)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(ClientGone),
        }
    }
}
