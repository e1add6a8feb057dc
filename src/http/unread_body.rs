//! Discards the rest of a request body that was rejected early. Otherwise an HTTP/1 client that is still sending would
//! get a connection reset and never read the response. The rest is received and dropped after the response, within
//! limits.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody as _},
    extract::{Request, State},
    http::{Version, header::EXPECT},
    middleware::Next,
    response::Response,
};
use futures_util::StreamExt as _;
use hyper::body::{Frame, SizeHint};
use tokio::{sync::oneshot, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{listener::InFlight, state::HttpState};

/// Maximum size to discard of one body, in bytes.
const MAX_DROPPED_LEN: usize = 16 * 1024 * 1024;

/// Discards the part of the body that the handler did not read, after its response.
pub(super) async fn discard(State(http): State<Arc<HttpState>>, mut request: Request, next: Next) -> Response {
    // HTTP/2 can reset a stream without its connection. A client that expects `100 Continue` sends no body before it.
    if request.version() == Version::HTTP_2 || request.headers().contains_key(EXPECT) {
        return next.run(request).await;
    }
    // The connection is idle, or waits for the next head, only after the body.
    let answering = request.extensions_mut().remove::<Arc<InFlight>>();
    let (unread, mut rest) = oneshot::channel();
    let request = request.map(|body| Body::new(DrainedBody { body: Some(body), unread: Some(unread) }));
    let response = next.run(request).await;
    if let Ok(rest) = rest.try_recv() {
        let (stop, time_limit) = (http.parts.drain.clone(), http.config.body_timeout);
        http.parts.tasks.spawn(async move {
            drop_rest(rest, stop, time_limit).await;
            drop(answering);
        });
    }
    response
}

async fn drop_rest(rest: Body, stop: CancellationToken, time_limit: Duration) {
    let mut left = MAX_DROPPED_LEN;
    let mut rest = rest.into_data_stream();
    let receiving = async {
        while let Some(Ok(data)) = rest.next().await {
            let Some(still) = left.checked_sub(data.len()) else { return };
            left = still;
        }
    };
    // The connection is closed afterwards, unless the whole body was received.
    let _ = stop.run_until_cancelled(timeout(time_limit, receiving)).await;
}

/// A body that sends its unread rest to a channel when it is dropped.
struct DrainedBody {
    body: Option<Body>,
    unread: Option<oneshot::Sender<Body>>,
}

impl Drop for DrainedBody {
    fn drop(&mut self) {
        if let (Some(body), Some(unread)) = (self.body.take(), self.unread.take())
            && !body.is_end_stream()
        {
            // If the receiver is dropped, the connection is closed.
            drop(unread.send(body));
        }
    }
}

impl hyper::body::Body for DrainedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        Pin::new(body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}
