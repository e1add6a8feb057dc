//! `/accounts/{phone}/messages`: messages of others and of the owner on the phone, and changes of them.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};

use super::{
    body::{self, Body},
    error::ApiError,
    phone,
};
use crate::Sandbox;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Message {
    /// The author's number or JID; the owner's own for a message written on the phone.
    from: String,
    /// The JID of the chat.
    chat: String,
    text: String,
    /// True if the companions get it now; otherwise when it is delivered again.
    #[serde(default = "body::yes")]
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
    if message.text.trim().is_empty() {
        return Err(ApiError::unprocessable("invalid_body", "text must not be empty"));
    }
    let Message { from, chat, text, delivered } = &message;
    let id =
        if *delivered { phone.receive(from, chat, text).await? } else { phone.receive_late(from, chat, text).await? };
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
}

pub(super) async fn change(
    State(sandbox): State<Sandbox>,
    Path((number, id)): Path<(String, String)>,
    Body(change): Body<MessageChange>,
) -> Result<Json<Sent>, ApiError> {
    let phone = phone(&sandbox, &number)?;
    let done = match change {
        MessageChange {
            text: None,
            revoked: None,
            by: None,
            delivered: None,
            reaction: None,
            from: None,
            read_by: Some(reader),
        } => phone.read_by(&id, &reader).await,
        MessageChange {
            text: Some(text),
            revoked: None,
            by: None,
            delivered: None,
            reaction: None,
            from: None,
            read_by: None,
        } if !text.trim().is_empty() => phone.edit(&id, &text).await,
        MessageChange {
            text: None,
            revoked: Some(true),
            by,
            delivered: None,
            reaction: None,
            from: None,
            read_by: None,
        } => phone.revoke(&id, by.as_deref()).await,
        MessageChange {
            text: None,
            revoked: None,
            by: None,
            delivered: None,
            reaction: Some(reaction),
            from: Some(from),
            read_by: None,
        } => phone.react(&id, &from, &reaction).await,
        MessageChange {
            text: None,
            revoked: None,
            by: None,
            delivered: Some(true),
            reaction: None,
            from: None,
            read_by: None,
        } => phone.deliver_again(&id).await,
        _ => {
            let message = "Send a non-empty text, revoked: true, delivered: true, reaction with from, or readBy.";
            return Err(ApiError::unprocessable("invalid_body", message));
        }
    };
    done?;
    Ok(Json(Sent { id }))
}
