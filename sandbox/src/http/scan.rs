//! `/accounts/{phone}/scan` and `/accounts/{phone}/enter`: pairing by QR code and by typed code.

use axum::{
    Json,
    extract::{Path, State},
};
use serde::Deserialize;

use super::{
    accounts::AccountView,
    error::ApiError,
    request::{Body, phone},
};
use crate::Sandbox;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scan {
    /// The text of the QR code.
    qr: String,
}

pub(super) async fn scan(
    State(sandbox): State<Sandbox>,
    Path(number): Path<String>,
    Body(scan): Body<Scan>,
) -> Result<Json<AccountView>, ApiError> {
    let phone = phone(&sandbox, &number)?;
    phone.scan(&scan.qr).await?;
    Ok(Json(AccountView::from(&phone)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Enter {
    /// The eight characters.
    code: String,
}

pub(super) async fn enter(
    State(sandbox): State<Sandbox>,
    Path(number): Path<String>,
    Body(enter): Body<Enter>,
) -> Result<Json<AccountView>, ApiError> {
    let phone = phone(&sandbox, &number)?;
    phone.enter(&enter.code).await?;
    Ok(Json(AccountView::from(&phone)))
}
