//! `/log`: the server's log.

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use serde::Deserialize;

use super::error::ApiError;
use crate::{LogEntry, Sandbox};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Range {
    /// Skips the entries up to this one.
    #[serde(default)]
    after: u64,
}

pub(super) async fn list(
    State(sandbox): State<Sandbox>,
    range: Result<Query<Range>, QueryRejection>,
) -> Result<Json<Vec<LogEntry>>, ApiError> {
    let Query(range) = range.map_err(|rejection| ApiError::bad_request("invalid_query", rejection.body_text()))?;
    let mut entries = sandbox.log();
    entries.retain(|entry| entry.seq > range.after);
    Ok(Json(entries))
}
