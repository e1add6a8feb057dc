//! `GET /graphql` as a WebSocket, in one of two protocols. This file opens it; `connection` runs it, `protocol` is what is
//! said on it and `close` why it ends, `operations` are what runs on it, and `rate` is how much a caller may say.

mod close;
mod connection;
mod operations;
mod protocol;
mod rate;

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::extract::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::Uri;
use axum::response::Response;
use tracing::Instrument as _;
use tracing::Span;

use crate::graphql::error::ApiError;
use crate::graphql::error::Code;

use super::Door;
use super::answer;
use super::network::Source;
use super::origin;
use super::query;
use super::request::RequestId;
use super::token;

use connection::Connection;
use connection::turn_away;
use protocol::Protocol;

/// Opens a WebSocket, or answers a query where none is asked for. Who is at a socket is asked in its first message.
pub(super) async fn upgrade(
    State(door): State<Arc<Door>>,
    Extension(id): Extension<RequestId>,
    Extension(source): Extension<Source>,
    headers: HeaderMap,
    uri: Uri,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else { return query::get(&door, &id, source, &headers, &uri).await };
    if !origin::is_welcome(&headers, &door.config.allowed_origins) {
        let error = ApiError::new(Code::Forbidden, "pages of this origin may not connect");
        return answer::refusal(StatusCode::FORBIDDEN, error, &id);
    }
    let token = token::in_headers(&headers).map(str::to_owned);
    let tasks = door.parts.tasks.clone();
    // Small buffers: the defaults cost 128 KiB a socket, and most are idle.
    upgrade
        .protocols(Protocol::NAMES)
        .max_message_size(door.config.max_body)
        .read_buffer_size(2048)
        .write_buffer_size(0)
        .on_upgrade(async move |socket| {
            let protocol = socket.protocol().and_then(|name| Protocol::named(name.as_bytes()));
            let conversation = async {
                match protocol {
                    Some(protocol) => Connection::new(door, id, source, token, protocol, socket).run().await,
                    None => turn_away(&door, socket).await,
                }
            };
            tasks.track_future(conversation.instrument(Span::current())).await;
        })
}
