//! Extracts the client's token from a header or, for a WebSocket, from its first message, because web pages cannot set
//! headers of a WebSocket.

use axum::http::{HeaderMap, HeaderName, header::AUTHORIZATION};
use serde_json::Value;

/// The header that contains only a token.
pub(super) const KEY_HEADER: HeaderName = HeaderName::from_static("x-api-key");

/// Returns the token in `Authorization: Bearer …`, otherwise the one in `X-Api-Key`.
pub(super) fn in_headers(headers: &HeaderMap) -> Option<&str> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    header(AUTHORIZATION.as_str()).and_then(bearer).or_else(|| header(KEY_HEADER.as_str()).and_then(present))
}

/// Returns the token in the payload of a `connection_init`. Its keys are case-insensitive.
pub(super) fn in_init(payload: Option<&Value>) -> Option<&str> {
    let fields = payload?.as_object()?;
    let field = |name: &str| {
        fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).and_then(|(_, value)| value.as_str())
    };
    field(AUTHORIZATION.as_str()).and_then(bearer).or_else(|| field(KEY_HEADER.as_str()).and_then(present))
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.trim().split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") { present(token) } else { None }
}

fn present(token: &str) -> Option<&str> {
    Some(token.trim()).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use serde_json::json;

    use super::*;

    fn headers(headers: &[(&'static str, &'static str)]) -> HeaderMap {
        headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_token_comes_as_bearer_or_as_key() {
        assert_eq!(in_headers(&headers(&[("authorization", "Bearer a")])), Some("a"));
        assert_eq!(in_headers(&headers(&[("authorization", "bearer  a ")])), Some("a"));
        assert_eq!(in_headers(&headers(&[("x-api-key", "b")])), Some("b"));
        assert_eq!(in_headers(&headers(&[("authorization", "Bearer a"), ("x-api-key", "b")])), Some("a"));
        assert_eq!(in_headers(&headers(&[("authorization", "Basic a"), ("x-api-key", "b")])), Some("b"));
    }

    #[test]
    fn anything_else_is_no_token() {
        for value in ["", "Bearer", "Bearer ", "a", "Basic a"] {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static(value))]);
            assert_eq!(in_headers(&headers), None, "{value:?}");
        }
        assert_eq!(in_headers(&headers(&[("x-api-key", " ")])), None);
    }

    #[test]
    fn a_socket_may_send_it_in_its_first_message() {
        for payload in
            [json!({"Authorization": "Bearer a"}), json!({"authorization": "Bearer a"}), json!({"X-API-Key": "a"})]
        {
            assert_eq!(in_init(Some(&payload)), Some("a"), "{payload}");
        }
        for payload in
            [json!({}), json!(null), json!("Bearer a"), json!({"authorization": {"a": 1}}), json!({"token": "a"})]
        {
            assert_eq!(in_init(Some(&payload)), None, "{payload}");
        }
        assert_eq!(in_init(None), None);
    }
}
