//! Secrets of API keys: generation, stored hash, and form.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

/// Maximum length of an API key in a request, in bytes. Generated keys have 46 characters; imported ones can be longer.
pub(super) const MAX_TOKEN_LEN: usize = 512;

/// Generates the secret of a new API key: `cg_` and 43 characters, 256 random bits.
///
/// # Panics
/// If the operating system provides no random bytes.
#[must_use]
pub fn generate() -> String {
    let mut random = [0; 32];
    getrandom::fill(&mut random).expect("the operating system has random bytes");
    format!("cg_{}", URL_SAFE_NO_PAD.encode(random))
}

/// Returns the hash that is stored of a secret: its SHA-256 in unpadded base64url. Salt and key stretching are
/// unnecessary because a secret is long and random, and would prevent the lookup by hash.
#[must_use]
pub fn hash(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(secret))
}

/// Returns whether a token has the form of a JWT: three non-empty parts separated by dots. API keys never have this
/// form.
pub(super) fn is_jwt(token: &str) -> bool {
    token.split('.').count() == 3 && token.split('.').all(|part| !part.is_empty())
}

/// Returns the part of a secret that identifies a key in lists: its first 8 characters.
#[must_use]
pub fn prefix(secret: &str) -> String {
    secret.chars().take(8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_a_prefix_and_43_characters_and_never_the_same() {
        let (one, other) = (generate(), generate());
        assert_ne!(one, other);
        let random = one.strip_prefix("cg_").expect("the prefix");
        assert_eq!(random.len(), 43);
        assert_eq!(URL_SAFE_NO_PAD.decode(random).map(|bytes| bytes.len()), Ok(32));
        assert_eq!(prefix(&one), one[..8]);
    }

    #[test]
    fn the_hash_is_unpadded_base64url_of_sha_256() {
        assert_eq!(hash("abc"), "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
    }

    #[test]
    fn a_login_token_is_never_a_key() {
        assert!(is_jwt("a.b.c"));
        for secret in ["abc", "a.b", "a.b.c.d", "a..c", ".b.c", "a.b.", ".."] {
            assert!(!is_jwt(secret), "{secret}");
        }
    }
}
