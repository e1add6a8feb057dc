//! Reasons for rejecting a login token.

/// Maximum length of a token, in bytes.
pub(super) const MAX_JWT_LEN: usize = 8 * 1024;

/// Reason for rejecting a token. It is logged, never returned to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum JwtError {
    #[error("token has more than {MAX_JWT_LEN} bytes")]
    TooLong,
    #[error("malformed header")]
    Header,
    #[error("unsupported `typ` header: expected JWT")]
    Type,
    #[error("unsupported `crit` header")]
    Critical,
    #[error("no key of the set has the token's `kid`")]
    Key,
    #[error("signature verification failed")]
    Signature,
    #[error("issuer mismatch (`iss`)")]
    Issuer,
    #[error("audience mismatch (`aud`)")]
    Audience,
    #[error("missing or invalid `exp` claim")]
    Expiry,
    #[error("token has expired")]
    Expired,
    #[error("token is not valid yet, or has an invalid `nbf` claim")]
    NotBefore,
    #[error("missing or invalid subject (`sub`)")]
    Subject,
    #[error("the organization claim is not a valid organization id")]
    Organization,
}
