//! Validation of existing tokens that are imported as API keys.

use super::api_key_secret::{MAX_TOKEN_LEN, is_jwt};

/// The length of 128 random bits in base64. Only the hash of a token is stored, and a shorter token could be found by
/// brute force.
const MIN_TOKEN_LEN: usize = 22;

/// Reason for rejecting a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// It could be found by brute force.
    #[error("the token is too short: expected at least {MIN_TOKEN_LEN} characters")]
    TooShort,
    /// It is longer than the tokens that are looked up.
    #[error("the token is too long: expected at most {MAX_TOKEN_LEN} characters")]
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
/// [`InvalidToken`].
pub fn parse(content: &str) -> Result<&str, InvalidToken> {
    let token = content.strip_suffix('\n').unwrap_or(content);
    let token = token.strip_suffix('\r').unwrap_or(token);
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(InvalidToken::Characters);
    }
    match token.len() {
        ..MIN_TOKEN_LEN => Err(InvalidToken::TooShort),
        MIN_TOKEN_LEN..=MAX_TOKEN_LEN if is_jwt(token) => Err(InvalidToken::Jwt),
        MIN_TOKEN_LEN..=MAX_TOKEN_LEN => Ok(token),
        _ => Err(InvalidToken::TooLong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opaque_token_may_become_a_key() {
        let uuid = "8f14e45f-ceea-467f-a0e6-4b6d0e8d2d3b";
        for content in [uuid.to_owned(), format!("{uuid}\n"), format!("{uuid}\r\n")] {
            assert_eq!(parse(&content), Ok(uuid));
        }
        for content in ["a".repeat(22), "~".repeat(512), format!("1|{}.{}", "a".repeat(20), "b".repeat(20))] {
            assert_eq!(parse(&content), Ok(&*content));
        }
    }

    #[test]
    fn anything_else_may_not() {
        for (content, unfit) in [
            (String::new(), InvalidToken::TooShort),
            ("a".repeat(21), InvalidToken::TooShort),
            ("a".repeat(513), InvalidToken::TooLong),
            (format!(" {}", "a".repeat(30)), InvalidToken::Characters),
            (format!("{}\n\n", "a".repeat(30)), InvalidToken::Characters),
            (format!("{}\nb", "a".repeat(30)), InvalidToken::Characters),
            ("é".repeat(30), InvalidToken::Characters),
            ("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.c2ln".to_owned(), InvalidToken::Jwt),
        ] {
            assert_eq!(parse(&content), Err(unfit), "{content:?}");
        }
    }
}
