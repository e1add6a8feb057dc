//! The source of a request.

use std::{net::IpAddr, sync::Arc};

use super::listener::ConnectionPermit;

/// The client's address, and the permit of its connection or request.
#[derive(Clone)]
pub(super) struct RequestSource(pub(super) IpAddr, pub(super) Option<Arc<ConnectionPermit>>);

impl RequestSource {
    /// Records that the client has sent a valid token.
    pub(super) fn authenticated(&self) {
        if let Some(permit) = &self.1 {
            permit.authenticated();
        }
    }
}
