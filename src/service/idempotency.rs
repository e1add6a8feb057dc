//! What use cases that make something say about idempotency keys.

use crate::domain::idempotency::IdempotencyKey;
use crate::domain::idempotency::LONGEST_KEY;
use crate::domain::idempotency::Operation;

use super::error::ConflictReason;
use super::error::Error;

/// Reads a caller's key that came with an input of these parts.
pub(super) fn idempotency_key(operation: Operation, key: &str, input: &[&str]) -> Result<IdempotencyKey, Error> {
    let message = || format!("must have 1 to {LONGEST_KEY} characters");
    let invalid = || Error::Invalid { field: "idempotencyKey", message: message() };
    IdempotencyKey::new(operation, key, input).ok_or_else(invalid)
}

/// The key cannot be used again.
pub(super) fn reused(why: &str) -> Error {
    let message = format!("the idempotency key was already used within the last 24 hours: {why}; use a new key");
    Error::conflict(ConflictReason::IdempotencyKeyReused, message)
}
