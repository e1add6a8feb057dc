//! `/accounts/{phone}/keys`: app-state keys.

use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use serde::Deserialize;

use super::{
    error::ApiError,
    request::{self, Body, phone},
};
use crate::Sandbox;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Renewal {
    /// True if the companions get the key at once; otherwise when the keys are shared.
    #[serde(default = "request::enabled")]
    #[serde(rename = "told")]
    share: bool,
}

pub(super) async fn renew(
    State(sandbox): State<Sandbox>,
    Path(number): Path<String>,
    Body(renewal): Body<Renewal>,
) -> Result<StatusCode, ApiError> {
    phone(&sandbox, &number)?.renew_key(renewal.share).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn share(State(sandbox): State<Sandbox>, Path(number): Path<String>) -> Result<StatusCode, ApiError> {
    phone(&sandbox, &number)?.share_keys().await?;
    Ok(StatusCode::NO_CONTENT)
}
