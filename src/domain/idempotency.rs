//! Idempotency keys, with which a client repeats a request without repeating its effect.

use sha2::{Digest as _, Sha256};
use strum::{FromRepr, VariantArray};

/// Retention of a key in milliseconds.
pub const KEY_RETENTION_MS: i64 = 24 * 60 * 60 * 1_000;
/// Maximum length of a key in characters.
pub const MAX_KEY_LEN: usize = 100;

/// The operation of a key. The same key may be used once for each operation. The numbers are stored, and
/// never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, FromRepr, VariantArray)]
#[repr(i16)]
pub enum Operation {
    /// `createSession`.
    CreateSession = 1,
    /// `createApiKey`.
    CreateApiKey = 2,
}

/// An idempotency key with the hash of its input. Neither is stored in plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The operation.
    pub operation: Operation,
    /// SHA-256 of the key.
    pub key_hash: [u8; 32],
    /// SHA-256 of the input.
    pub input_hash: [u8; 32],
}

impl IdempotencyKey {
    /// Creates a key for an input of these parts; `None` if it is empty or too long.
    #[must_use]
    pub fn new(operation: Operation, key: &str, input: &[&str]) -> Option<Self> {
        let fits = (1..=MAX_KEY_LEN).contains(&key.chars().count());
        fits.then(|| Self { operation, key_hash: hash(&[key]), input_hash: hash(input) })
    }
}

fn hash(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_belongs_to_its_input_part_by_part() {
        let key = |text: &str, input: &[&str]| IdempotencyKey::new(Operation::CreateSession, text, input);
        assert_eq!(key("a", &["b", "c"]), key("a", &["b", "c"]));
        assert_ne!(key("a", &["b", "c"]), key("a", &["bc", ""]));
        assert_eq!((key("", &[]), key(&"x".repeat(101), &[])), (None, None));
    }
}
