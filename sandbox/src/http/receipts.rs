//! `/accounts/{phone}/receipts`: what the owner reads on another device.

use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use serde::Deserialize;

use super::{body::Body, error::ApiError, phone};
use crate::{ReceiptForm, Sandbox};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reading {
    /// The JID of the chat.
    chat: String,
    /// The id of the message up to which it is read; the last one if left out.
    message: Option<String>,
    /// How the companions are told.
    #[serde(default)]
    form: ReceiptForm,
}

pub(super) async fn read(
    State(sandbox): State<Sandbox>,
    Path(number): Path<String>,
    Body(reading): Body<Reading>,
) -> Result<StatusCode, ApiError> {
    let account = phone(&sandbox, &number)?;
    account.read_elsewhere(&reading.chat, reading.message.as_deref(), reading.form).await?;
    Ok(StatusCode::NO_CONTENT)
}
