//! The JSON interface on loopback: scripts play the phone with it.

use axum::Router;

use crate::Sandbox;

/// The routes of the interface.
pub fn router(sandbox: Sandbox) -> Router {
    Router::new().with_state(sandbox)
}
