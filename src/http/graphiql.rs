//! GraphiQL, a page to explore the API: the files of `graphiql/dist`.

use std::sync::Arc;

use axum::{Router, body::Bytes, http::HeaderMap, routing::get};

use super::{config::Invitations, state::HttpState, static_file::StaticFile};

/// The files of the bundle with their paths. The build of the bundle generates the list.
const FILES: &[(&str, &[u8])] = include!("../../graphiql/dist/files.rs");

/// Instructs the page to ask the user before it accepts an API key from a link, or to accept it.
const ASK_META: &str = r#"<meta name="invitation" content="ask" />"#;
const TRUSTED_META: &str = r#"<meta name="invitation" content="trusted" />"#;

/// Returns a route for each file.
pub(super) fn routes(invitations: Invitations) -> Router<Arc<HttpState>> {
    FILES.iter().fold(Router::new(), |router, (path, content)| {
        let content = match (*path, invitations) {
            ("/", Invitations::Trusted) => Bytes::from(with_trusted_links(content)),
            _ => Bytes::from_static(content),
        };
        let file = StaticFile::new(path, content, cache_control(path));
        router.route(path, get(async move |headers: HeaderMap| file.response(&headers)))
    })
}

fn with_trusted_links(page: &[u8]) -> String {
    String::from_utf8_lossy(page).replace(ASK_META, TRUSTED_META)
}

/// The name of an asset contains a hash of its contents, so it can be cached permanently.
fn cache_control(path: &str) -> &'static str {
    if path.starts_with("/assets/") { "public, max-age=31536000, immutable" } else { "no-cache" }
}
