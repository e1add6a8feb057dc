//! `/accounts/{phone}/mappings`: mappings of addresses to people.

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
use crate::Sandbox;

/// A LID and a number of one person, by their user parts or as JIDs.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mapping {
    lid: String,
    phone: String,
    /// True if the companions are notified at once; otherwise with the next message.
    #[serde(default = "request::enabled")]
    #[serde(rename = "told")]
    notify: bool,
    /// True if the phone writes a setting for the companions instead.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    setting: bool,
}

pub(super) async fn learn(
    State(sandbox): State<Sandbox>,
    Path(number): Path<String>,
    Body(mapping): Body<Mapping>,
) -> Result<(StatusCode, Json<Mapping>), ApiError> {
    let account = phone(&sandbox, &number)?;
    let lid = mapping.lid.strip_suffix("@lid").unwrap_or(&mapping.lid);
    let phone = mapping.phone.strip_suffix("@s.whatsapp.net").unwrap_or(&mapping.phone);
    if mapping.setting {
        account.learn_in_settings(lid, phone).await?;
    } else {
        account.learn(lid, phone, mapping.notify).await?;
    }
    Ok((StatusCode::CREATED, Json(mapping)))
}
