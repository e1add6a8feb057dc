//! The authenticated client and its permissions.

use std::{sync::Arc, time::Duration};

use crate::domain::{
    capability::{Capabilities, Capability},
    id::{KeyId, OrganizationId},
};

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

    /// Returns the remaining lifetime of the token at `now`, including its last millisecond; `None` if it never
    /// expires.
    pub(super) fn remaining(&self, now: i64) -> Option<Duration> {
        let left_ms = self.expires_at?.saturating_sub(now).saturating_add(1);
        Some(Duration::from_millis(u64::try_from(left_ms).unwrap_or(0)))
    }

    /// Returns whether the token has expired at `now`. The expiry is inclusive.
    pub(super) fn has_expired(&self, now: i64) -> bool {
        self.expires_at.is_some_and(|expires_at| now > expires_at)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Returns an API key with every permission.
    pub(in crate::auth) fn viewer_until(expires_at: Option<i64>) -> Viewer {
        Viewer {
            organization: Some("org_1".parse().expect("an id")),
            principal: Principal::ApiKey(KeyId::new(1)),
            capabilities: Capabilities::all(),
            expires_at,
        }
    }

    #[test]
    fn the_last_millisecond_of_a_key_still_counts() {
        assert!(!viewer_until(Some(100)).has_expired(100));
        assert!(viewer_until(Some(100)).has_expired(101));
        assert!(!viewer_until(None).has_expired(i64::MAX));
    }

    #[test]
    fn a_key_is_over_when_nothing_of_it_remains() {
        let key = viewer_until(Some(100));
        for (now, left_ms) in [(0, 101), (100, 1), (101, 0), (i64::MAX, 0)] {
            assert_eq!(key.remaining(now), Some(Duration::from_millis(left_ms)));
            assert_eq!(key.has_expired(now), left_ms == 0);
        }
        assert_eq!(viewer_until(None).remaining(100), None);
    }
}
