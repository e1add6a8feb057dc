//! Who asks, and what they may do.

use std::sync::Arc;

use crate::domain::capability::Capabilities;
use crate::domain::capability::Capability;
use crate::domain::id::KeyId;
use crate::domain::id::OrganizationId;

/// The viewer lacks a capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("requires the {0} capability")]
pub struct Forbidden(pub Capability);

/// What kind of token the caller showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// A script or service.
    ApiKey(KeyId),
    /// A person who is logged in.
    User {
        /// The person's id, as the frontend knows it.
        id: Arc<str>,
        /// The role that decides what the person may do, if the token tells one.
        role: Option<Arc<str>>,
    },
}

/// A caller whose token was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// Whose chats the token opens; none for a person who works in no organization now, and may do nothing.
    pub organization: Option<OrganizationId>,
    /// Whose token it is.
    pub principal: Principal,
    /// What it may do.
    pub capabilities: Capabilities,
    /// When the token ends (inclusive), in milliseconds.
    pub expires_at: Option<i64>,
}

impl Viewer {
    /// The organization, when the viewer has `capability`: whoever wants to touch its data has to ask here.
    ///
    /// # Errors
    /// [`Forbidden`] otherwise.
    pub fn require(&self, capability: Capability) -> Result<&OrganizationId, Forbidden> {
        let may = self.capabilities.contains(capability);
        self.organization.as_ref().filter(|_| may).ok_or(Forbidden(capability))
    }

    /// The organization, when the viewer has one of `capabilities`; else what it lacks is the first of them.
    ///
    /// # Errors
    /// [`Forbidden`] otherwise.
    ///
    /// # Panics
    /// When `capabilities` is empty.
    pub fn require_any(&self, capabilities: &[Capability]) -> Result<&OrganizationId, Forbidden> {
        let has = capabilities.iter().copied().find(|capability| self.capabilities.contains(*capability));
        self.require(has.unwrap_or(capabilities[0]))
    }
}
