//! Server-sent events in the "distinct connections mode" of
//! <https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md>.

use async_graphql::{Response as Answer, ServerError};

use crate::graphql::json;

pub(super) const MEDIA_TYPE: &str = "text/event-stream; charset=utf-8";

/// Formats a response, which is JSON without line breaks. After an interruption, the client sends the cursor as
/// `Last-Event-ID`.
pub(super) fn next(answer: &str, cursor: Option<&str>) -> String {
    match cursor {
        Some(cursor) => format!("event: next\nid: {cursor}\ndata: {answer}\n\n"),
        None => format!("event: next\ndata: {answer}\n\n"),
    }
}

/// A comment, which clients ignore.
pub(super) fn heartbeat() -> String {
    ":\n\n".into()
}

/// Browsers do not dispatch an event without a data field, so it has an empty one.
pub(super) fn complete() -> String {
    "event: complete\ndata:\n\n".into()
}

pub(super) fn failure(error: ServerError) -> String {
    next(&json(&Answer::from_errors(vec![error])), None) + &complete()
}
