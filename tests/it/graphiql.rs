//! The GraphiQL page, as a browser receives it.

use reqwest::StatusCode;

use crate::support::{EmptyServer, header};

/// Returns the files that the page names.
fn named(page: &str) -> Vec<&str> {
    page.split(['"', '\'']).filter_map(|text| text.strip_prefix('.')).filter(|text| text.starts_with('/')).collect()
}

#[tokio::test]
async fn there_is_no_page_unless_it_is_wanted() {
    let server = EmptyServer::start(&[]).await;
    for path in ["/", "/LICENCES.txt", "/index.html", "/assets/"] {
        assert_eq!(server.page(path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn the_page_loads_only_existing_files_of_this_server() {
    let server = EmptyServer::start(&["--graphiql"]).await;
    let page = server.page("/").await;
    assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
    let page = page.text().await.expect("text");
    assert!(!page.contains("//"), "the page names another server: {page}");
    assert!(
        page.contains("name=\"invitation\" content=\"ask\""),
        "the page does not ask before it uses the key of a link: {page}"
    );
    let named = named(&page);
    for (extension, media_type) in
        [("js", "text/javascript; charset=utf-8"), ("css", "text/css; charset=utf-8"), ("svg", "image/svg+xml")]
    {
        let path =
            named.iter().find(|path| path.ends_with(extension)).unwrap_or_else(|| panic!("no {extension}: {page}"));
        let file = server.page(path).await;
        assert_eq!((file.status(), header(&file, "content-type")), (StatusCode::OK, media_type), "{path}");
        assert_eq!(header(&file, "cache-control"), "public, max-age=31536000, immutable", "{path}");
    }
    assert_eq!(named.len(), 3, "{named:?}");
    let licences = server.page("/LICENCES.txt").await;
    assert_eq!(header(&licences, "content-type"), "text/plain; charset=utf-8");
    assert!(licences.text().await.expect("text").contains("\ngraphiql 4.1"));
    for path in ["/assets/index.js", "/assets/..%2findex.html", "/index.html", "/files.rs"] {
        assert_eq!(server.page(path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn no_file_may_load_or_run_anything_else_or_stand_in_a_frame() {
    let server = EmptyServer::start(&["--graphiql"]).await;
    let page = server.page("/").await.text().await.expect("text");
    // In a browser, a violation of the policy would only show as a console error.
    assert_eq!(page.matches("<script").count(), page.matches("<script type=\"module\" crossorigin src=").count());
    assert!(!page.contains("<style") && !page.contains("style=") && !page.contains("onload="), "{page}");
    for path in [vec!["/", "/LICENCES.txt"], named(&page)].concat() {
        let file = server.page(path).await;
        let policy = header(&file, "content-security-policy").to_owned();
        let directives: Vec<_> = policy.split(';').map(str::trim).collect();
        for wanted in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            "frame-ancestors 'none'",
        ] {
            assert!(directives.contains(&wanted), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains("//"), "{path}: {policy}");
        assert_eq!(header(&file, "x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header(&file, "referrer-policy"), "no-referrer", "{path}");
    }
}

#[tokio::test]
async fn a_browser_revalidates_the_page_and_gets_a_changed_one() {
    let server = EmptyServer::start(&["--graphiql"]).await;
    let page = server.page("/").await;
    assert_eq!(header(&page, "cache-control"), "no-cache");
    let asked = async |tag: &str| {
        let request = reqwest::Client::new().get(server.at("/")).header("If-None-Match", tag);
        request.send().await.expect("an answer")
    };
    let known = asked(header(&page, "etag")).await;
    assert_eq!((known.status(), header(&known, "etag")), (StatusCode::NOT_MODIFIED, header(&page, "etag")));
    assert_eq!(asked("\"another\"").await.status(), StatusCode::OK);
}
