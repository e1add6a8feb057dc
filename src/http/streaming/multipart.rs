//! Multipart subscriptions of Apollo's clients and routers:
//! <https://www.apollographql.com/docs/graphos/routing/operations/subscriptions/multipart-protocol>. A client treats a
//! part as complete when it reads the next boundary, so each part is followed by one.

use async_graphql::ServerError;
use serde_json::json;

pub(super) const MEDIA_TYPE: &str = "multipart/mixed;boundary=\"graphql\";subscriptionSpec=\"1.0\"";

fn part(json: &str) -> String {
    format!("\r\nContent-Type: application/json\r\n\r\n{json}\r\n--graphql")
}

pub(super) fn preamble() -> String {
    "\r\n--graphql".into()
}

pub(super) fn heartbeat() -> String {
    part("{}")
}

/// Formats a response, which is JSON.
pub(super) fn next(answer: &str) -> String {
    part(&format!(r#"{{"payload":{answer}}}"#))
}

/// Formats an error of the transport, as opposed to one of the operation.
pub(super) fn failure(error: &ServerError) -> String {
    part(&json!({"payload": null, "errors": [error]}).to_string()) + &complete()
}

pub(super) fn complete() -> String {
    "--\r\n".into()
}
