//! GraphiQL, a page to explore the API: the files of `graphiql/dist`.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::get;

use super::Door;
use super::static_file::File;

/// The files of the bundle with their paths. The build of the bundle generates the list.
const FILES: &[(&str, &[u8])] = include!("../../graphiql/dist/files.rs");

/// Tells the page to ask the user before it accepts an API key from a link, or to accept it.
const ASK: &str = r#"<meta name="invitation" content="ask" />"#;
const TRUSTED: &str = r#"<meta name="invitation" content="trusted" />"#;

/// Links that contain an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invitations {
    /// Any site can create them, so the page asks before it accepts the key.
    Ask,
    /// The page accepts the key: a demo prints such a link.
    Trusted,
}

/// Returns a route for each file.
pub(super) fn routes(invitations: Invitations) -> Router<Arc<Door>> {
    FILES.iter().fold(Router::new(), |router, (path, content)| {
        let content = match (*path, invitations) {
            ("/", Invitations::Trusted) => Bytes::from(trusting(content)),
            _ => Bytes::from_static(content),
        };
        let file = File::new(path, content, lifetime(path));
        router.route(path, get(async move |headers: HeaderMap| file.answer(&headers)))
    })
}

fn trusting(page: &[u8]) -> String {
    String::from_utf8_lossy(page).replace(ASK, TRUSTED)
}

/// The name of an asset contains a hash of its contents, so it can be cached permanently.
fn lifetime(path: &str) -> &'static str {
    if path.starts_with("/assets/") { "public, max-age=31536000, immutable" } else { "no-cache" }
}
