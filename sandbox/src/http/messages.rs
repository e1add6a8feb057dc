//! `/accounts/{phone}/messages`: messages of others and of the owner on the phone, and changes of them.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};

use super::{
    error::ApiError,
    request::{self, Body, phone},
};
use crate::{Draft, MessageKind, Sandbox};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Message {
    /// The author's number or JID; the owner's own for a message written on the phone.
    from: String,
    /// The JID of the chat.
    chat: String,
    /// Its kind.
    #[serde(default)]
    kind: MessageKind,
    #[serde(default)]
    text: String,
    /// The numbers or JIDs that a broadcast list of the owner's sends to.
    #[serde(default)]
    to: Vec<String>,
    /// True if the companions get it now; otherwise when it is delivered again.
    #[serde(default = "request::enabled")]
    delivered: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Sent {
    /// The message's id on the wire.
    id: String,
}

pub(super) async fn receive(
    State(sandbox): State<Sandbox>,
    Path(number): Path<String>,
    Body(message): Body<Message>,
) -> Result<(StatusCode, Json<Sent>), ApiError> {
    let phone = phone(&sandbox, &number)?;
    let Message { from, chat, kind, text, to, delivered } = message;
    match (kind.has_text(), text.trim().is_empty()) {
        (true, true) => return Err(ApiError::unprocessable("invalid_body", "text must not be empty")),
        (false, false) => {
            return Err(ApiError::unprocessable("invalid_body", "A message of this kind has no text."));
        }
        _ => {}
    }
    let id = phone.write(&from, &chat, Draft { kind, text, to, late: !delivered }).await?;
    Ok((StatusCode::CREATED, Json(Sent { id })))
}

/// Changes of a message: one of these.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct MessageChange {
    /// New text by its author.
    text: Option<String>,
    /// True if its author revokes it.
    revoked: Option<bool>,
    /// The group admin who revokes it instead.
    by: Option<String>,
    /// True if it is delivered again.
    delivered: Option<bool>,
    /// A reaction; empty removes an earlier one.
    reaction: Option<String>,
    /// The person who reacts: a number or JID.
    from: Option<String>,
    /// The reader of a message of the owner: a number or JID.
    read_by: Option<String>,
    /// True if the owner deletes it for themselves.
    deleted_for_me: Option<bool>,
}

pub(super) async fn change(
    State(sandbox): State<Sandbox>,
    Path((number, id)): Path<(String, String)>,
    Body(change): Body<MessageChange>,
) -> Result<Json<Sent>, ApiError> {
    let phone = phone(&sandbox, &number)?;
    let MessageChange { text, revoked, by, delivered, reaction, from, read_by, deleted_for_me } = change;
    let done = match (text, revoked, by, delivered, reaction, from, read_by, deleted_for_me) {
        (None, None, None, None, None, None, None, Some(true)) => phone.delete_for_me(&id).await,
        (None, None, None, None, None, None, Some(reader), None) => phone.read_by(&id, &reader).await,
        (Some(text), None, None, None, None, None, None, None) if !text.trim().is_empty() => {
            phone.edit(&id, &text).await
        }
        (None, Some(true), by, None, None, None, None, None) => phone.revoke(&id, by.as_deref()).await,
        (None, None, None, None, Some(reaction), Some(from), None, None) => phone.react(&id, &from, &reaction).await,
        (None, None, None, Some(true), None, None, None, None) => phone.deliver_again(&id).await,
        _ => {
            let message = "Send a non-empty text, revoked: true, delivered: true, deletedForMe: true, reaction with from, or readBy.";
            return Err(ApiError::unprocessable("invalid_body", message));
        }
    };
    done?;
    Ok(Json(Sent { id }))
}
