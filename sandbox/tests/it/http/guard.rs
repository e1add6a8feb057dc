use reqwest::{Method, StatusCode, header};
use serde_json::json;

use super::{Api, account, send};

#[tokio::test]
async fn a_host_other_than_this_machine_is_rejected() {
    let api = Api::start().await;
    for host in ["sandbox.example.com", "127.0.0.1.example.com:8080", "192.168.0.7", "localhost.example.com", ""] {
        let request = api.request(Method::GET, "/accounts").header(header::HOST, host);
        send(request).await.error(StatusCode::FORBIDDEN, "forbidden_host");
    }
    for host in ["localhost", "LOCALHOST:4000", "127.0.0.1:1", "127.9.9.9", "[::1]:80"] {
        let request = api.request(Method::GET, "/accounts").header(header::HOST, host);
        send(request).await.expect(StatusCode::OK);
    }
}

#[tokio::test]
async fn a_page_of_another_origin_is_rejected() {
    let api = Api::start().await;
    for origin in ["https://example.com", "null", "http://127.0.0.1.example.com"] {
        let request = api.request(Method::POST, "/accounts").header(header::ORIGIN, origin).json(&account());
        send(request).await.error(StatusCode::FORBIDDEN, "forbidden_origin");
    }
    let request =
        api.request(Method::POST, "/accounts").header(header::ORIGIN, "http://localhost:3000").json(&account());
    send(request).await.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn the_guard_also_holds_where_there_is_nothing() {
    let api = Api::start().await;
    let request = api.request(Method::GET, "/nowhere").header(header::HOST, "example.com");
    send(request).await.error(StatusCode::FORBIDDEN, "forbidden_host");
}

#[tokio::test]
async fn sixteen_mebibytes_are_read_and_more_are_not() {
    const LIMIT: usize = 16 * 1024 * 1024;
    let api = Api::start().await;
    let mut body = serde_json::to_vec(&json!({"phone": "15550100001", "name": "Ada"})).unwrap();
    body.resize(LIMIT, b' ');
    send(api.request(Method::POST, "/accounts").body(body.clone())).await.expect(StatusCode::CREATED);

    body.push(b' ');
    let answer = send(api.request(Method::POST, "/accounts").body(body)).await;
    answer.error(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large");
}
