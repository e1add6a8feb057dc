//! The pairing page: `/pair/SESSION`. It asks for a token, and uses the API like any other client.

use std::sync::Arc;

use axum::{Router, http::HeaderMap, routing::get};

use super::{state::HttpState, static_file::StaticFile};

/// The files with their paths.
const FILES: [(&str, &[u8]); 3] = [
    ("/pair/{session}", include_bytes!("pairing_page/page.html")),
    ("/pair.css", include_bytes!("pairing_page/page.css")),
    ("/pair.js", include_bytes!("pairing_page/page.js")),
];

/// Returns a route for each file. The page is the same for every session id, whether the session exists or not.
pub(super) fn routes() -> Router<Arc<HttpState>> {
    FILES.iter().fold(Router::new(), |router, (path, content)| {
        let file = StaticFile::new(path, *content, "no-cache");
        router.route(path, get(async move |headers: HeaderMap| file.response(&headers)))
    })
}
