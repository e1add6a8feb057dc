//! `/accounts/{phone}/pictures`: pictures of people and groups.

use axum::{
    Json,
    extract::{Path, State},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};

use super::{
    error::ApiError,
    request::{Body, phone},
};
use crate::Sandbox;

/// A profile picture.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPicture {
    /// The number or JID of a person, the owner's own, or the JID of a group.
    whose: String,
    /// The image in base64; null removes the picture.
    image: Option<String>,
}

/// The present picture.
#[derive(Debug, Serialize)]
pub(super) struct Pictured {
    /// Null if there is none.
    id: Option<u64>,
}

pub(super) async fn set(
    State(sandbox): State<Sandbox>,
    Path(number): Path<String>,
    Body(NewPicture { whose, image }): Body<NewPicture>,
) -> Result<Json<Pictured>, ApiError> {
    let phone = phone(&sandbox, &number)?;
    let image = image.map(|image| BASE64_STANDARD.decode(image)).transpose();
    let image = image.ok().filter(|image| image.as_ref().is_none_or(|image| !image.is_empty()));
    let image =
        image.ok_or_else(|| ApiError::unprocessable("invalid_body", "image must be base64 of at least one byte."))?;
    let id = phone.set_picture(&whose, image.as_deref()).await?;
    Ok(Json(Pictured { id }))
}
