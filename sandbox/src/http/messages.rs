//! `/accounts/{phone}/messages`: what others write.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};

use super::{body::Body, error::ApiError, phone};
use crate::Sandbox;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Message {
    /// The writer's number or JID.
    from: String,
    /// The JID of the chat.
    chat: String,
    text: String,
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
    let id = phone.receive(&message.from, &message.chat, &message.text).await?;
    Ok((StatusCode::CREATED, Json(Sent { id })))
}
