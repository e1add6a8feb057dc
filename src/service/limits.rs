//! Limits per organization.

use super::api_key;
use super::session;

/// Limits per organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Maximum number of sessions.
    pub sessions: u64,
    /// Maximum number of api-keys created through the API.
    pub api_keys: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { sessions: session::DEFAULT_MAX_SESSIONS, api_keys: api_key::DEFAULT_MAX_KEYS }
    }
}
