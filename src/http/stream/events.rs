//! Server-sent events in the "distinct connections mode" of
//! <https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md>.

use async_graphql::Response as Answer;
use async_graphql::ServerError;

use crate::http::answer;

pub(super) const MEDIA_TYPE: &str = "text/event-stream; charset=utf-8";

/// An answer as JSON, which has no line breaks. The cursor comes back in `Last-Event-ID` when the stream broke off.
pub(super) fn next(answer: &str, cursor: Option<&str>) -> String {
    match cursor {
        Some(cursor) => format!("event: next\nid: {cursor}\ndata: {answer}\n\n"),
        None => format!("event: next\ndata: {answer}\n\n"),
    }
}

/// A comment, which clients do not see.
pub(super) fn heartbeat() -> String {
    ":\n\n".into()
}

/// An event without data is seen by nobody, so it has some, though they are empty.
pub(super) fn complete() -> String {
    "event: complete\ndata:\n\n".into()
}

pub(super) fn failure(error: ServerError) -> String {
    next(&answer::json(&Answer::from_errors(vec![error])), None) + &complete()
}
