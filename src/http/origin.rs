//! Web pages of foreign origins may not open WebSockets here: browsers let any page try, with what the user has.

use axum::http::HeaderMap;
use axum::http::header::HOST;
use axum::http::header::ORIGIN;

/// Whether the page, if it is one, may come in: callers that are no browsers send no origin.
pub(super) fn is_welcome(headers: &HeaderMap, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let Ok(origin) = origin.to_str().map(str::to_ascii_lowercase) else { return false };
    if allowed.contains(&origin) {
        return true;
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).map(str::to_ascii_lowercase);
    origin.split_once("://").is_some_and(|(_, authority)| host.as_deref() == Some(authority))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn welcome(origin: Option<&'static str>) -> bool {
        let mut headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static("api.example.org:8080"))]);
        headers.extend(origin.map(|origin| (ORIGIN, HeaderValue::from_static(origin))));
        is_welcome(&headers, &["https://chat.example.org".into()])
    }

    #[test]
    fn who_is_no_browser_is_welcome() {
        assert!(welcome(None));
    }

    #[test]
    fn a_page_is_welcome_when_it_is_ours_or_was_named() {
        assert!(welcome(Some("https://chat.example.org")));
        assert!(welcome(Some("HTTPS://Chat.Example.org")));
        assert!(welcome(Some("http://api.example.org:8080")));
    }

    #[test]
    fn any_other_page_is_not() {
        for origin in
            ["null", "", "https://example.org", "https://chat.example.org.evil.example", "http://api.example.org"]
        {
            assert!(!welcome(Some(origin)), "{origin}");
        }
    }
}
