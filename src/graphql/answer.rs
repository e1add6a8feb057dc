//! The answers of operations, and responses as JSON text.

use std::{borrow::Cow, sync::Arc};

use async_graphql::{Response, ServerError, Value, parser::types::OperationType};

use super::{
    backpressure::{AnswerPermit, EventPosition},
    error::ApiErrorCode,
    rendering::write_value,
};

/// An answer of an operation.
pub enum Answer {
    /// A response to this operation alone, and its turn, which the transport holds until the response is sent. No turn
    /// for an error that needed none.
    Own(Box<Response>, Option<AnswerPermit>),
    /// An event that several subscribers receive.
    Shared(SharedEvent),
}

/// An event of a subscription, executed once for all of its subscribers.
#[derive(Debug, Clone)]
pub struct SharedEvent {
    /// The response as JSON text.
    pub(super) json: Arc<str>,
    /// The position after the event.
    pub(super) position: EventPosition,
}

impl Answer {
    /// The answer as JSON text.
    #[must_use]
    pub fn json(&self) -> Cow<'_, str> {
        match self {
            Self::Own(response, _) => json(response).into(),
            Self::Shared(event) => Cow::Borrowed(&event.json),
        }
    }

    /// The position in the change log after an event of `chatChanges`.
    pub(super) fn position(&self) -> Option<&EventPosition> {
        match self {
            Self::Own(_, turn) => turn.as_ref()?.position.as_ref(),
            Self::Shared(event) => Some(&event.position),
        }
    }

    /// The cursor after the answer, from which `chatChanges` can resume.
    #[must_use]
    pub fn cursor(&self) -> Option<&str> {
        self.position().map(|position| &*position.text)
    }

    /// Its turn, if it has one.
    #[must_use]
    pub fn into_turn(self) -> Option<AnswerPermit> {
        match self {
            Self::Own(_, turn) => turn,
            Self::Shared(_) => None,
        }
    }

    /// Returns whether an error names the request.
    pub(super) fn has_internal_error(&self) -> bool {
        let Self::Own(response, _) = self else { return false };
        let internal = Value::from(ApiErrorCode::Internal.as_str());
        let codes = response.errors.iter().filter_map(|error| error.extensions.as_ref()?.get("code"));
        codes.into_iter().any(|code| *code == internal)
    }

    /// The errors of the operation itself, if this is its last answer: it was rejected, or its stream failed.
    #[must_use]
    pub fn failure(&self, kind: Option<OperationType>) -> Option<&[ServerError]> {
        match self {
            Self::Own(response, _) if is_terminal(kind, response) => Some(&response.errors),
            Self::Own(..) | Self::Shared(_) => None,
        }
    }
}

/// Returns whether the operation was executed, with any result, rather than rejected before.
#[must_use]
pub fn was_executed(answer: &Response) -> bool {
    answer.errors.is_empty() || answer.data != Value::Null || answer.errors.iter().any(|error| !error.path.is_empty())
}

/// Returns whether a response is the error of the operation itself and its last response: it was rejected, or its
/// stream failed.
pub(super) fn is_terminal(kind: Option<OperationType>, answer: &Response) -> bool {
    let broke = kind == Some(OperationType::Subscription) && answer.data == Value::Null && !answer.errors.is_empty();
    broke || !was_executed(answer)
}

/// Serializes the response as JSON, without `data` if nothing was executed.
///
/// # Panics
/// Never: errors can be serialized into memory.
#[must_use]
pub fn json(answer: &Response) -> String {
    let mut json = b"{".to_vec();
    if was_executed(answer) {
        json.extend_from_slice(b"\"data\":");
        write_value(&answer.data, &mut json);
    }
    if !answer.errors.is_empty() {
        json.extend_from_slice(if json.len() > 1 { b",\"errors\":" } else { b"\"errors\":" });
        serde_json::to_writer(&mut json, &answer.errors).expect("errors can be serialized into memory");
    }
    json.push(b'}');
    String::from_utf8(json).expect("JSON text is UTF-8")
}
