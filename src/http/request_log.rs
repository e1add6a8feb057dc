//! The log line of a request: its id, span and result. Also responds if its handler panicked.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderValue, Method, StatusCode},
    middleware::Next,
    response::Response,
};
use futures_util::FutureExt as _;
use tokio::time::Instant;
use tracing::{Instrument as _, debug, field::Empty, info_span, warn};

use super::{
    body_guard, client_ip,
    listener::ConnectionPermit,
    request_id::{self, REQUEST_ID, RequestId},
    request_source::RequestSource,
    response,
    state::HttpState,
};
use crate::graphql::error::ApiError;

/// The routes that are logged. Other paths are chosen by clients, and GraphiQL's files are not worth logging.
const LOGGED_ROUTES: [&str; 4] = ["/graphql", "/healthz", "/readyz", "/metrics"];
/// The methods that are logged; others are chosen by clients, too.
const LOGGED_METHODS: [Method; 4] = [Method::GET, Method::POST, Method::OPTIONS, Method::HEAD];

/// Retry interval for a client with too many concurrent requests.
const PERMIT_RETRY_AFTER: Duration = Duration::from_secs(1);

/// Assigns the id of a request, its span, and the client's address.
pub(super) async fn assign_request_id(
    State(state): State<Arc<HttpState>>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = request_id::from_header(request.headers()).unwrap_or_else(request_id::generate);
    let header = HeaderValue::from_str(&id).expect("an id is visible ASCII");
    // The route, not the path, which could contain a token.
    let route = LOGGED_ROUTES.into_iter().find(|route| *route == request.uri().path()).unwrap_or("other");
    let method = LOGGED_METHODS.iter().find(|known| **known == *request.method()).map_or("other", Method::as_str);
    let id = RequestId(id);
    request.extensions_mut().insert(id.clone());
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let address = client_ip::client_address(peer, request.headers(), &state.config.trusted_proxies);
    if client_ip::has_untrusted_header(peer, request.headers(), &state.config.trusted_proxies) {
        state.forwarded.warn(peer);
    }
    // `watch` records the client.
    let span = info_span!(
        "request",
        request.id = %id.0,
        http.method = method,
        http.route = route,
        client.address = %address,
        client.kind = Empty,
        client.id = Empty,
    );
    let connection = request.extensions_mut().remove::<Arc<ConnectionPermit>>();
    let is_proxied = address != peer.to_canonical();
    let answer = async {
        let begun = Instant::now();
        let response = match connection {
            Some(connection) if is_proxied => {
                if let Some(permit) = connection.for_client(address).map(Arc::new) {
                    request.extensions_mut().insert(RequestSource(address, Some(Arc::clone(&permit))));
                    next.run(request).await.map(|body| body_guard::attach(body, permit))
                } else {
                    let error = ApiError::rate_limited(PERMIT_RETRY_AFTER);
                    response::error_response(StatusCode::TOO_MANY_REQUESTS, error, &id)
                }
            }
            connection => {
                request.extensions_mut().insert(RequestSource(address, connection));
                next.run(request).await
            }
        };
        let (status, duration_ms) = (response.status(), begun.elapsed().as_secs_f64() * 1_000.0);
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            warn!(http.status = status.as_u16(), duration_ms, "Request completed");
        } else {
            debug!(http.status = status.as_u16(), duration_ms, "Request completed");
        }
        response
    };
    let mut response = answer.instrument(span).await;
    state.parts.metrics.responded(response.status());
    response.headers_mut().insert(REQUEST_ID, header);
    response
}

/// Responds to a request whose handler panicked. Its connection and the other requests on it continue.
pub(super) async fn catch_panic(request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().cloned();
    // The panic hook has logged the message.
    AssertUnwindSafe(next.run(request)).catch_unwind().await.unwrap_or_else(|_| {
        let id = id.unwrap_or_else(|| RequestId(request_id::generate()));
        response::error_response(StatusCode::INTERNAL_SERVER_ERROR, ApiError::internal(), &id)
    })
}
