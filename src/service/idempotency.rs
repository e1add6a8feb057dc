//! Idempotency keys of use cases that create objects.

use super::error::{ConflictReason, Error};
use crate::domain::idempotency::{IdempotencyKey, MAX_KEY_LEN, Operation};

/// Parses a client's key for an input with these parts.
pub(super) fn idempotency_key(operation: Operation, key: &str, input: &[&str]) -> Result<IdempotencyKey, Error> {
    let message = || format!("must have 1 to {MAX_KEY_LEN} characters");
    let invalid = || Error::Invalid { field: "idempotencyKey", message: message() };
    IdempotencyKey::new(operation, key, input).ok_or_else(invalid)
}

/// Returns the error for a key that cannot be used again.
pub(super) fn reused(why: &str) -> Error {
    let message = format!("the idempotency key was already used within the last 24 hours: {why}; use a new key");
    Error::conflict(ConflictReason::IdempotencyKeyReused, message)
}
