//! `/accounts/{phone}/calls`: calls.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};

use super::{
    error::ApiError,
    request::{Body, phone},
};
use crate::{CallView, Sandbox};

/// An incoming call.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCall {
    /// The caller's number or JID.
    from: String,
    #[serde(default)]
    video: bool,
    /// The JID of the group that is called.
    group: Option<String>,
}

/// A change of a call.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CallChange {
    /// True: the caller hangs up.
    ended: bool,
}

/// Id of a call.
#[derive(Debug, Serialize)]
pub(super) struct Named {
    id: String,
}

pub(super) async fn list(
    State(sandbox): State<Sandbox>,
    Path(number): Path<String>,
) -> Result<Json<Vec<CallView>>, ApiError> {
    Ok(Json(phone(&sandbox, &number)?.calls()))
}

pub(super) async fn ring(
    State(sandbox): State<Sandbox>,
    Path(number): Path<String>,
    Body(NewCall { from, video, group }): Body<NewCall>,
) -> Result<(StatusCode, Json<Named>), ApiError> {
    let id = phone(&sandbox, &number)?.call(&from, video, group.as_deref()).await?;
    Ok((StatusCode::CREATED, Json(Named { id })))
}

pub(super) async fn change(
    State(sandbox): State<Sandbox>,
    Path((number, id)): Path<(String, String)>,
    Body(CallChange { ended }): Body<CallChange>,
) -> Result<Json<Named>, ApiError> {
    if !ended {
        return Err(ApiError::unprocessable("invalid_body", "An ended call cannot ring again; send ended: true."));
    }
    phone(&sandbox, &number)?.hang_up(&id).await?;
    Ok(Json(Named { id }))
}
