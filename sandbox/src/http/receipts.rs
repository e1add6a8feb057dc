//! `/accounts/{phone}/receipts`: reading by the owner on another device.

use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use serde::Deserialize;

use super::{
    error::ApiError,
    request::{Body, phone},
};
use crate::{ReceiptForm, Sandbox};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reading {
    /// The JID of the chat.
    chat: String,
    /// Id of the last message that is read; absent: the last one.
    message: Option<String>,
    /// Form of the receipt.
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
