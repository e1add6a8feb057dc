//! `/faults`: injecting and removing faults.

use axum::{Json, extract::State, http::StatusCode};

use super::{error::ApiError, request::Body};
use crate::{Fault, Sandbox};

pub(super) async fn inject(
    State(sandbox): State<Sandbox>,
    Body(fault): Body<Fault>,
) -> Result<(StatusCode, Json<Fault>), ApiError> {
    if let Some(invalid_combination) = fault.invalid_combination() {
        return Err(ApiError::unprocessable("invalid_body", invalid_combination));
    }
    sandbox.inject(fault.clone());
    Ok((StatusCode::CREATED, Json(fault)))
}

pub(super) async fn forget(State(sandbox): State<Sandbox>) -> StatusCode {
    sandbox.forget_faults();
    StatusCode::NO_CONTENT
}
