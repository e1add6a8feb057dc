//! `/accounts/{phone}/settings`: settings of the account that concern its chats.

use axum::{
    Json,
    extract::{Path, State},
};
use serde::{Deserialize, Serialize};

use super::{
    error::ApiError,
    request::{Body, phone},
};
use crate::Sandbox;

/// The settings.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Settings {
    /// True if a new message unarchives its chat.
    unarchive_chats: bool,
}

pub(super) async fn set(
    State(sandbox): State<Sandbox>,
    Path(number): Path<String>,
    Body(settings): Body<Settings>,
) -> Result<Json<Settings>, ApiError> {
    phone(&sandbox, &number)?.unarchive_chats(settings.unarchive_chats).await?;
    Ok(Json(settings))
}
