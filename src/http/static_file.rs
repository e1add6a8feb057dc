//! Static files of web pages, part of the program. They are served without authentication; the pages' access depends on
//! the token that the user enters.

use axum::{
    body::Bytes,
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY,
            X_CONTENT_TYPE_OPTIONS,
        },
    },
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

/// Content security policy: a page can only load its own files and connect to this server. Browsers include WebSockets
/// in `'self'`.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A static file.
#[derive(Clone)]
pub(super) struct StaticFile {
    content: Bytes,
    media_type: &'static str,
    lifetime: &'static str,
    tag: HeaderValue,
}

impl StaticFile {
    /// Creates the file at `path`, with `lifetime` as its `Cache-Control`.
    pub(super) fn new(path: &str, content: impl Into<Bytes>, lifetime: &'static str) -> Self {
        let content = content.into();
        let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(Sha256::digest(&content)));
        let tag = HeaderValue::from_str(&tag).expect("base64 is visible ASCII");
        Self { content, media_type: media_type(path), lifetime, tag }
    }

    /// Responds with the file, or with 304 if the browser's copy is current.
    pub(super) fn response(&self, request: &HeaderMap) -> Response {
        let mut response = if request.get(IF_NONE_MATCH) == Some(&self.tag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            ([(CONTENT_TYPE, self.media_type)], self.content.clone()).into_response()
        };
        response.headers_mut().extend([
            (ETAG, self.tag.clone()),
            (CACHE_CONTROL, HeaderValue::from_static(self.lifetime)),
            (CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY)),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
            (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
        ]);
        response
    }
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.') {
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        Some((_, "txt")) => "text/plain; charset=utf-8",
        _ => "text/html; charset=utf-8",
    }
}
