//! `/accounts/{phone}/mappings`: what the phone learns about who is who.

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

/// A LID and a number, by their user parts or as JIDs, that are one person's.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mapping {
    lid: String,
    phone: String,
    /// Whether the companions are told at once, and not only with the next message.
    #[serde(default = "body::yes")]
    told: bool,
}

pub(super) async fn learn(
    State(sandbox): State<Sandbox>,
    Path(number): Path<String>,
    Body(mapping): Body<Mapping>,
) -> Result<(StatusCode, Json<Mapping>), ApiError> {
    let account = phone(&sandbox, &number)?;
    let lid = mapping.lid.strip_suffix("@lid").unwrap_or(&mapping.lid);
    let phone = mapping.phone.strip_suffix("@s.whatsapp.net").unwrap_or(&mapping.phone);
    account.learn(lid, phone, mapping.told).await?;
    Ok((StatusCode::CREATED, Json(mapping)))
}
