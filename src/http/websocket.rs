//! `GET /graphql` as a WebSocket, with one of two subprotocols. This file accepts the upgrade. `connection` runs the
//! WebSocket on a `socket`, `protocol` defines the messages and `close_code` the close codes, `operations` runs the
//! operations, and `frames` limits what is received.

mod close_code;
mod connection;
mod frames;
mod operations;
mod protocol;
mod socket;

use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header::SEC_WEBSOCKET_PROTOCOL},
    response::Response,
};
use hyper::upgrade;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tracing::{Instrument as _, Span, debug};

use super::{
    bearer_token, graphql_http, origin, request_id::RequestId, request_source::RequestSource, response,
    state::HttpState,
};
use crate::graphql::error::{ApiError, ApiErrorCode};
use connection::{Connection, reject_protocol};
use protocol::Protocol;

/// Accepts a WebSocket, or handles a GET request without an upgrade. A WebSocket's token is in its first message.
pub(super) async fn upgrade(
    State(http): State<Arc<HttpState>>,
    Extension(id): Extension<RequestId>,
    Extension(source): Extension<RequestSource>,
    mut request: Request,
) -> Response {
    let Ok(mut response) = create_response_with_body(&request, Body::empty) else {
        return graphql_http::get(&http, &id, &source, request.headers(), request.uri()).await;
    };
    if !origin::is_handshake_allowed(request.headers(), &http.config.origins) {
        let error = ApiError::new(ApiErrorCode::Forbidden, "web pages of this origin are not allowed to connect");
        return response::error_response(StatusCode::FORBIDDEN, error, &id);
    }
    let token = bearer_token::in_headers(request.headers()).map(str::to_owned);
    let name = preferred_protocol(request.headers());
    if let Some(name) = name {
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(name));
    }
    let upgraded = upgrade::on(&mut request);
    let tasks = http.parts.tasks.clone();
    let conversation = async move {
        let upgraded = match upgraded.await {
            Ok(upgraded) => upgraded,
            Err(error) => return debug!(%error, "WebSocket upgrade failed"),
        };
        let socket = socket::decode(&http, upgraded).await;
        match name.and_then(|name| Protocol::named(name.as_bytes())) {
            Some(protocol) => Connection::new(http, id, source, token, protocol, socket).run().await,
            None => reject_protocol(&http, socket).await,
        }
    };
    tasks.spawn(conversation.instrument(Span::current()));
    response
}

/// Returns the preferred protocol among those that the client offers.
fn preferred_protocol(headers: &HeaderMap) -> Option<&'static str> {
    let offers = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|offers| offers.to_str().ok());
    let offers: Vec<_> = offers.flat_map(|offers| offers.split(',')).map(str::trim).collect();
    Protocol::NAMES.into_iter().find(|name| offers.contains(name))
}
