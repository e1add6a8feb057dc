//! Keys by which a caller repeats a request without repeating what it does.

use sha2::Digest as _;
use sha2::Sha256;

/// How long a key is remembered, in milliseconds.
pub const REMEMBERED: i64 = 24 * 60 * 60 * 1_000;
/// The longest key, in characters.
pub const LONGEST_KEY: usize = 100;

/// What a key was used for; the same key may be used once for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Making a session.
    CreateSession,
    /// Making an api-key.
    CreateApiKey,
}

/// A key that came with an input. Neither is kept as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// What it is used for.
    pub operation: Operation,
    /// SHA-256 of the key.
    pub key_hash: [u8; 32],
    /// SHA-256 of the input.
    pub input_hash: [u8; 32],
}

impl IdempotencyKey {
    /// Reads a key that came with an input of these parts; `None` if it is empty or too long.
    #[must_use]
    pub fn new(operation: Operation, key: &str, input: &[&str]) -> Option<Self> {
        let fits = (1..=LONGEST_KEY).contains(&key.chars().count());
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
