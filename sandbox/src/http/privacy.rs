//! `/accounts/{phone}/privacy`: privacy settings and the block list.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, State},
};
use serde::Serialize;

use super::{
    error::ApiError,
    request::{Body, phone},
};
use crate::{Phone, Sandbox};

/// The owner's privacy.
#[derive(Debug, Serialize)]
pub(super) struct PrivacyView {
    /// The value of each category.
    settings: BTreeMap<String, String>,
    /// JIDs of blocked people.
    blocked: Vec<String>,
}

impl From<&Phone> for PrivacyView {
    fn from(phone: &Phone) -> Self {
        Self { settings: phone.privacy(), blocked: phone.blocked() }
    }
}

pub(super) async fn show(
    State(sandbox): State<Sandbox>,
    Path(number): Path<String>,
) -> Result<Json<PrivacyView>, ApiError> {
    Ok(Json(PrivacyView::from(&phone(&sandbox, &number)?)))
}

pub(super) async fn set(
    State(sandbox): State<Sandbox>,
    Path(number): Path<String>,
    Body(requested): Body<BTreeMap<String, String>>,
) -> Result<Json<PrivacyView>, ApiError> {
    let phone = phone(&sandbox, &number)?;
    if requested.is_empty() {
        return Err(ApiError::unprocessable("invalid_body", "Send at least one category with its value."));
    }
    phone.set_privacy(&requested).await?;
    Ok(Json(PrivacyView::from(&phone)))
}
