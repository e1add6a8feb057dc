//! GraphiQL, the page to try the API on: the files of `graphiql/dist`.

use std::sync::Arc;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::get;

use super::Door;
use super::asset::File;

/// Every file of the bundle with the path it is served under; the list is made together with them.
const FILES: &[(&str, &[u8])] = include!("../../graphiql/dist/files.rs");

/// One route for each file.
pub(super) fn routes() -> Router<Arc<Door>> {
    FILES.iter().fold(Router::new(), |router, (path, content)| {
        let file = File::new(path, content, lifetime(path));
        router.route(path, get(async move |headers: HeaderMap| file.answer(&headers)))
    })
}

/// The name of an asset carries a hash of what is in it, so that it never stands for another file.
fn lifetime(path: &str) -> &'static str {
    if path.starts_with("/assets/") { "public, max-age=31536000, immutable" } else { "no-cache" }
}
