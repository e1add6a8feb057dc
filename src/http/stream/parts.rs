//! Subscriptions as a multipart body, as Apollo's clients and routers speak them:
//! <https://www.apollographql.com/docs/graphos/routing/operations/subscriptions/multipart-protocol>.
//! A client takes a part for whole when it sees the next boundary, so each part has that behind it.

use async_graphql::ServerError;
use serde_json::json;

pub(super) const MEDIA_TYPE: &str = "multipart/mixed;boundary=\"graphql\";subscriptionSpec=\"1.0\"";

fn part(json: &str) -> String {
    format!("\r\nContent-Type: application/json\r\n\r\n{json}\r\n--graphql")
}

pub(super) fn opening() -> String {
    "\r\n--graphql".into()
}

pub(super) fn heartbeat() -> String {
    part("{}")
}

/// An answer as JSON.
pub(super) fn next(answer: &str) -> String {
    part(&format!(r#"{{"payload":{answer}}}"#))
}

/// A failure of the transport, and not of the operation.
pub(super) fn failure(error: &ServerError) -> String {
    part(&json!({"payload": null, "errors": [error]}).to_string()) + &complete()
}

pub(super) fn complete() -> String {
    "--\r\n".into()
}
