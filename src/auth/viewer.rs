//! The authenticated client and its permissions.

use std::sync::Arc;

use crate::domain::capability::Capabilities;
use crate::domain::capability::Capability;
use crate::domain::id::KeyId;
use crate::domain::id::OrganizationId;

/// The viewer lacks a capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("requires the {0} capability")]
pub struct Forbidden(pub Capability);

/// The kind of token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// A script or service.
    ApiKey(KeyId),
    /// A user who is logged in to the frontend.
    User {
        /// The user's id in the frontend.
        id: Arc<str>,
        /// The role that determines the user's permissions, if the token has one.
        role: Option<Arc<str>>,
    },
}

/// An authenticated client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// The organization that the token grants access to; `None` for a user without an active organization, who has no
    /// permissions.
    pub organization: Option<OrganizationId>,
    /// The key or user that the token belongs to.
    pub principal: Principal,
    /// The permissions of the token.
    pub capabilities: Capabilities,
    /// Expiry of the token (inclusive), in milliseconds.
    pub expires_at: Option<i64>,
}

impl Viewer {
    /// Returns the organization if the viewer has `capability`. All access to an organization's data must use this
    /// check.
    ///
    /// # Errors
    /// [`Forbidden`] otherwise.
    pub fn require(&self, capability: Capability) -> Result<&OrganizationId, Forbidden> {
        let may = self.capabilities.contains(capability);
        self.organization.as_ref().filter(|_| may).ok_or(Forbidden(capability))
    }

    /// Returns the organization if the viewer has one of `capabilities`. Otherwise the error names the first of them.
    ///
    /// # Errors
    /// [`Forbidden`] otherwise.
    ///
    /// # Panics
    /// If `capabilities` is empty.
    pub fn require_any(&self, capabilities: &[Capability]) -> Result<&OrganizationId, Forbidden> {
        let has = capabilities.iter().copied().find(|capability| self.capabilities.contains(*capability));
        self.require(has.unwrap_or(capabilities[0]))
    }
}
