//! Download of blobs.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::IntoResponse,
};

use super::Server;

/// `GET /media/{path}`
pub(crate) async fn serve(State(server): State<Arc<Server>>, Path(path): Path<String>) -> impl IntoResponse {
    path.strip_prefix("v/").and_then(|name| server.services.media.get(name)).ok_or(StatusCode::NOT_FOUND)
}
