//! How much an organization may have.

use super::key;
use super::session;

/// How much an organization may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Sessions.
    pub sessions: u64,
    /// Api-keys that it makes through the API.
    pub api_keys: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { sessions: session::DEFAULT_MOST, api_keys: key::DEFAULT_MOST }
    }
}
