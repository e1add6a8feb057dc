//! Validation of existing tokens that are imported as API keys.

use super::authenticator::LONGEST;
use super::authenticator::is_jwt;

/// The length of 128 random bits in base64. Only the hash of a token is stored, and a shorter token could be found by
/// brute force.
const SHORTEST: usize = 22;

/// Reason for rejecting a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It could be found by brute force.
    #[error("the token is too short: expected at least {SHORTEST} characters")]
    TooShort,
    /// It is longer than the tokens that are looked up.
    #[error("the token is too long: expected at most {LONGEST} characters")]
    TooLong,
    /// It cannot be sent in a header.
    #[error("the token is invalid: expected visible ASCII characters without spaces")]
    Characters,
    /// It has the form of a login token.
    #[error("the token has the form of a JWT (three parts separated by dots), which is never accepted as an API key")]
    Jwt,
}

/// Extracts the token from the contents of a file or pipe. One trailing line break is removed.
///
/// # Errors
/// [`Unfit`].
pub fn token(content: &str) -> Result<&str, Unfit> {
    let token = content.strip_suffix('\n').unwrap_or(content);
    let token = token.strip_suffix('\r').unwrap_or(token);
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Unfit::Characters);
    }
    match token.len() {
        ..SHORTEST => Err(Unfit::TooShort),
        SHORTEST..=LONGEST if is_jwt(token) => Err(Unfit::Jwt),
        SHORTEST..=LONGEST => Ok(token),
        _ => Err(Unfit::TooLong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opaque_token_may_become_a_key() {
        let uuid = "8f14e45f-ceea-467f-a0e6-4b6d0e8d2d3b";
        for content in [uuid.to_owned(), format!("{uuid}\n"), format!("{uuid}\r\n")] {
            assert_eq!(token(&content), Ok(uuid));
        }
        for content in ["a".repeat(22), "~".repeat(512), format!("1|{}.{}", "a".repeat(20), "b".repeat(20))] {
            assert_eq!(token(&content), Ok(&*content));
        }
    }

    #[test]
    fn anything_else_may_not() {
        for (content, unfit) in [
            (String::new(), Unfit::TooShort),
            ("a".repeat(21), Unfit::TooShort),
            ("a".repeat(513), Unfit::TooLong),
            (format!(" {}", "a".repeat(30)), Unfit::Characters),
            (format!("{}\n\n", "a".repeat(30)), Unfit::Characters),
            (format!("{}\nb", "a".repeat(30)), Unfit::Characters),
            ("é".repeat(30), Unfit::Characters),
            ("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.c2ln".to_owned(), Unfit::Jwt),
        ] {
            assert_eq!(token(&content), Err(unfit), "{content:?}");
        }
    }
}
