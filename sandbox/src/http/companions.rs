//! `/accounts/{phone}/unlink` and `/accounts/{phone}/end`: unlinking and disconnecting companions.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
};
use serde::Deserialize;

use super::{
    accounts::AccountView,
    error::ApiError,
    request::{Body, invalid, phone},
};
use crate::{DisconnectReason, Sandbox};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unlink {
    /// The companion's device number; all companions if it is missing.
    device: Option<u16>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct End {
    kind: Kind,
    /// Duration of a ban.
    seconds: Option<u32>,
    /// The companion's device number; all companions if it is missing.
    device: Option<u16>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Dropped,
    Replaced,
    Banned,
    Outdated,
    Refused,
}

impl End {
    fn ending(&self) -> Result<DisconnectReason, ApiError> {
        match (&self.kind, self.seconds) {
            (Kind::Banned, Some(seconds)) => Ok(DisconnectReason::Banned { seconds }),
            (Kind::Banned, None) => Err(ApiError::unprocessable("invalid_body", "a ban requires seconds")),
            (_, Some(_)) => Err(ApiError::unprocessable("invalid_body", "seconds is only valid for a ban")),
            (Kind::Dropped, None) => Ok(DisconnectReason::Dropped),
            (Kind::Replaced, None) => Ok(DisconnectReason::Replaced),
            (Kind::Outdated, None) => Ok(DisconnectReason::Outdated),
            (Kind::Refused, None) => Ok(DisconnectReason::Refused),
        }
    }
}

/// Accepts an empty body, so that a plain `curl -X POST` unlinks all.
pub(super) async fn unlink(
    State(sandbox): State<Sandbox>,
    Path(number): Path<String>,
    body: Bytes,
) -> Result<Json<AccountView>, ApiError> {
    let phone = phone(&sandbox, &number)?;
    let requested: Unlink = match body.as_ref() {
        b"" => Unlink::default(),
        body => serde_json::from_slice(body).map_err(|error| invalid(&error))?,
    };
    match requested.device {
        Some(device) => phone.unlink_device(device).await?,
        None => drop(phone.unlink().await),
    }
    Ok(Json(AccountView::from(&phone)))
}

pub(super) async fn end(
    State(sandbox): State<Sandbox>,
    Path(number): Path<String>,
    Body(requested): Body<End>,
) -> Result<Json<AccountView>, ApiError> {
    let phone = phone(&sandbox, &number)?;
    phone.end(requested.device, requested.ending()?)?;
    Ok(Json(AccountView::from(&phone)))
}
