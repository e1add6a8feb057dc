//! The id of a request: the client's own if it is valid, otherwise a new one. It is on every log line, on the response,
//! and in `internal` errors.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// The header of the id.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request.
#[derive(Debug, Clone)]
pub(super) struct RequestId(pub(super) Arc<str>);

/// Returns the client's own id if it can be logged without escaping.
pub(super) fn from_header(headers: &HeaderMap) -> Option<Arc<str>> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    ((1..=64).contains(&id.len()) && id.bytes().all(plain)).then(|| id.into())
}

/// Returns a new id.
pub(super) fn generate() -> Arc<str> {
    let mut random = [0; 12];
    getrandom::fill(&mut random).expect("the operating system has random bytes");
    URL_SAFE_NO_PAD.encode(random).into()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_valid_request_id_of_the_client_is_kept() {
        let given = |id: &str| {
            let headers = HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_str(id).expect("a header"))]);
            from_header(&headers).is_some()
        };
        assert!(given("a-b_c.9"));
        assert!(given(&"a".repeat(64)));
        for id in ["", "a b", "a=b", "\"", &"a".repeat(65)] {
            assert!(!given(id), "{id:?} was accepted");
        }
        assert!(self::from_header(&HeaderMap::new()).is_none());
    }

    #[test]
    fn a_new_id_is_sane_and_never_the_same() {
        let id = generate();
        let headers = HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_str(&id).expect("a header"))]);
        assert_eq!(from_header(&headers), Some(id.clone()));
        assert_ne!(generate(), id);
    }
}
