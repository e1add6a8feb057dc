//! GraphiQL, the page to try the API on: the files of `graphiql/dist`.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::get;

use super::Door;
use super::asset::File;

/// Every file of the bundle with the path it is served under; the list is made together with them.
const FILES: &[(&str, &[u8])] = include!("../../graphiql/dist/files.rs");

/// How the page is told what to do with an api-key in a link: it asks the person, or takes it.
const ASK: &str = r#"<meta name="invitation" content="ask" />"#;
const TRUSTED: &str = r#"<meta name="invitation" content="trusted" />"#;

/// Links that bring an api-key to the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invitations {
    /// Anybody may have made them, so the page asks before it takes the key.
    Ask,
    /// The page takes the key: a demo prints such a link.
    Trusted,
}

/// One route for each file.
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

/// The name of an asset carries a hash of what is in it, so that it never stands for another file.
fn lifetime(path: &str) -> &'static str {
    if path.starts_with("/assets/") { "public, max-age=31536000, immutable" } else { "no-cache" }
}
