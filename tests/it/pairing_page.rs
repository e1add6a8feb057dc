//! The pairing page, as a browser receives it.

use reqwest::StatusCode;

use crate::support::{EmptyServer, header};

#[tokio::test]
async fn the_pairing_page_is_public_and_loads_nothing_external() {
    let server = EmptyServer::start(&[]).await;
    let page = server.page("/pair/ses_01ARZ3NDEKTSV4RRFFQ69G5FAV").await;
    assert_eq!((page.status(), header(&page, "content-type")), (StatusCode::OK, "text/html; charset=utf-8"));
    let policy = header(&page, "content-security-policy").to_owned();
    for rule in ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"] {
        assert!(policy.contains(rule), "{rule}: {policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(header(&page, "referrer-policy"), "no-referrer");
    let page = page.text().await.expect("text");
    let foreign = ["//", "style=", "<style", "<script>", "onclick"];
    assert!(foreign.iter().all(|part| !page.contains(part)), "a script or style is inline or from another origin");
    for (file, media_type) in [("pair.js", "text/javascript; charset=utf-8"), ("pair.css", "text/css; charset=utf-8")] {
        assert!(page.contains(&format!("\"../{file}\"")), "{file}");
        let answer = server.page(&format!("/{file}")).await;
        assert_eq!((answer.status(), header(&answer, "content-type")), (StatusCode::OK, media_type), "{file}");
        let content = answer.text().await.expect("text");
        assert!(
            !content.contains("http://") && !content.contains("https://") && !content.contains("innerHTML"),
            "{file}"
        );
    }
    // The page is the same if the session does not exist: only a token gives access to it.
    assert_eq!(server.page("/pair/nobody's").await.text().await.expect("text"), page);
    assert_eq!(server.page("/pair/").await.status(), StatusCode::NOT_FOUND);
}
