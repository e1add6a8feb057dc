//! The page to pair a session on, in a browser: `/pair/SESSION`. It asks for a token, and does with it what any client of
//! the API could.

use std::sync::Arc;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::get;

use super::Door;
use super::asset::File;

/// Every file with the path it is served under.
const FILES: [(&str, &[u8]); 3] = [
    ("/pair/{session}", include_bytes!("pair/page.html")),
    ("/pair.css", include_bytes!("pair/page.css")),
    ("/pair.js", include_bytes!("pair/page.js")),
];

/// One route for each file. The page is the same for every session, whether there is one or not.
pub(super) fn routes() -> Router<Arc<Door>> {
    FILES.iter().fold(Router::new(), |router, (path, content)| {
        let file = File::new(path, *content, "no-cache");
        router.route(path, get(async move |headers: HeaderMap| file.answer(&headers)))
    })
}
