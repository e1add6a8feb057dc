//! GraphQL over HTTP: methods, media types, batches, persisted documents, and CORS.

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::{
    CREATE_LABELED_SESSION, EmptyServer, Log, SESSION_IDS, SESSION_LABELS, TestServer, VIEWER_KIND, error_code, header,
    wait_for,
};

const GRAPHQL: &str = "application/graphql-response+json";

impl EmptyServer {
    fn request(&self, method: Method) -> RequestBuilder {
        reqwest::Client::new().request(method, &self.url).bearer_auth(&self.key)
    }

    async fn post(&self, body: &Value) -> Response {
        self.request(Method::POST).json(body).send().await.expect("an answer")
    }

    async fn get(&self, parameters: &[(&str, &str)]) -> Response {
        let url = with_parameters(&self.url, parameters);
        reqwest::Client::new().get(url).bearer_auth(&self.key).send().await.expect("an answer")
    }
}

/// Returns the URL with these parameters.
fn with_parameters(url: &str, parameters: &[(&str, &str)]) -> reqwest::Url {
    reqwest::Url::parse_with_params(url, parameters).expect("a URL")
}

async fn status_and_body(response: Response) -> (u16, Value) {
    (response.status().as_u16(), response.json().await.expect("JSON"))
}

#[tokio::test]
async fn a_query_goes_by_get_and_a_mutation_does_not() {
    let server = EmptyServer::start(&[]).await;
    let (status, answer) = status_and_body(server.get(&[("query", VIEWER_KIND)]).await).await;
    assert_eq!((status, &answer["data"]["viewer"]["kind"]), (200, &json!("API_KEY")));
    let two = "query A { a: viewer { kind } } query B($n: Int) { b: sessions(first: $n) { nodes { id } } }";
    let named = [("query", two), ("operationName", "B"), ("variables", r#"{"n": 1}"#)];
    assert_eq!(status_and_body(server.get(&named).await).await, (200, json!({"data": {"b": {"nodes": []}}})));

    let mutation = "mutation { createSession(input: {label: \"x\"}) { session { id } } }";
    let response = server.get(&[("query", mutation)]).await;
    assert_eq!((response.status().as_u16(), header(&response, "allow")), (405, "POST"));
    let mixed = format!("query A {VIEWER_KIND} {}", mutation.replacen("mutation", "mutation B", 1));
    assert_eq!(server.get(&[("query", &mixed), ("operationName", "B")]).await.status(), 405);
    let (_, answer) = status_and_body(server.get(&[("query", SESSION_IDS)]).await).await;
    assert_eq!(answer, json!({"data": {"sessions": {"nodes": []}}}), "a session was created");

    for wrong in
        [&[][..], &[("query", VIEWER_KIND), ("variables", "1")], &[("query", VIEWER_KIND), ("query", VIEWER_KIND)]]
    {
        let (status, answer) = status_and_body(server.get(wrong).await).await;
        assert_eq!((status, error_code(&answer)), (400, "validation_error"), "{wrong:?}");
    }
    let response = reqwest::get(with_parameters(&server.url, &[("query", VIEWER_KIND)])).await.expect("an answer");
    assert_eq!((response.status().as_u16(), header(&response, "www-authenticate")), (401, "Bearer"));
}

#[tokio::test]
async fn unsupported_methods_and_types_list_the_supported_ones() {
    let server = EmptyServer::start(&[]).await;
    for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::HEAD] {
        let response = server.request(method.clone()).send().await.expect("an answer");
        assert_eq!((response.status().as_u16(), header(&response, "allow")), (405, "GET, POST"), "{method}");
    }
    let response = server.request(Method::POST).header("Accept", "text/html").json(&json!({"query": VIEWER_KIND}));
    let (status, answer) = status_and_body(response.send().await.expect("an answer")).await;
    assert_eq!((status, error_code(&answer)), (406, "validation_error"));
    for (query, refused) in [(VIEWER_KIND, 200), ("{", 400), ("{ nothing }", 400)] {
        for (accept, status) in [(GRAPHQL, refused), ("application/json", 200), ("*/*", 200)] {
            let request = server.request(Method::POST).header("Accept", accept).json(&json!({"query": query}));
            let response = request.send().await.expect("an answer");
            let media = if accept == GRAPHQL { GRAPHQL } else { "application/json" };
            assert_eq!(header(&response, "content-type"), format!("{media}; charset=utf-8"), "{accept}");
            assert_eq!(response.status(), status, "{query} as {accept}");
        }
    }
}

#[tokio::test]
async fn a_batch_is_answered_in_its_order_and_has_an_end() {
    let server = EmptyServer::start(&[]).await;
    let make = |label| json!({"query": CREATE_LABELED_SESSION, "variables": {"label": label}});
    let labels = json!({"query": SESSION_LABELS});
    let (status, answer) =
        status_and_body(server.post(&json!([make("a"), labels, {"query": "{ nothing }"}, make("b")])).await).await;
    assert_eq!(status, 200);
    assert_eq!(answer[1], json!({"data": {"sessions": {"nodes": [{"label": "a"}]}}}), "{answer}");
    assert_eq!(error_code(&answer[2]), "validation_error");
    assert_eq!(answer[3]["data"]["createSession"]["session"]["label"], "b");

    let query = json!({"query": VIEWER_KIND});
    assert_eq!(server.post(&json!(vec![&query; 10])).await.status(), 200);
    for wrong in [json!([]), json!(vec![&query; 11])] {
        let (status, answer) = status_and_body(server.post(&wrong).await).await;
        assert_eq!((status, error_code(&answer)), (400, "limit_exceeded"), "{wrong}");
    }
    assert_eq!(server.post(&json!([query, {"query": 1}])).await.status(), 400);
}

fn named(text: &str) -> Value {
    let digest = Sha256::digest(text).iter().fold(String::new(), |written, byte| format!("{written}{byte:02x}"));
    json!({"persistedQuery": {"version": 1, "sha256Hash": digest}})
}

#[tokio::test]
async fn a_document_that_was_sent_with_its_digest_is_known_by_it() {
    let server = EmptyServer::start(&[]).await;
    let by_name = json!({"extensions": named(VIEWER_KIND)});
    let (_, answer) = status_and_body(server.post(&by_name).await).await;
    assert_eq!(answer["errors"][0]["message"], "PersistedQueryNotFound");
    let kind = json!({"data": {"viewer": {"kind": "API_KEY"}}});
    assert_eq!(
        status_and_body(server.post(&json!({"query": VIEWER_KIND, "extensions": named(VIEWER_KIND)})).await).await,
        (200, kind.clone())
    );
    assert_eq!(status_and_body(server.post(&by_name).await).await, (200, kind.clone()));
    assert_eq!(
        status_and_body(server.get(&[("extensions", &named(VIEWER_KIND).to_string())]).await).await,
        (200, kind)
    );
    let (_, answer) =
        status_and_body(server.post(&json!({"query": "{ __typename }", "extensions": named(VIEWER_KIND)})).await).await;
    assert_eq!(error_code(&answer), "validation_error", "the digest of another text");
}

#[tokio::test]
async fn a_list_of_trusted_documents_is_all_that_is_carried_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("documents.json");
    std::fs::write(&file, json!({"who": VIEWER_KIND}).to_string()).expect("written");
    let server = EmptyServer::start(&["--trusted-documents", file.to_str().expect("a path")]).await;
    let by_name = |name: &str| json!({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": name}}});
    for request in [by_name("who"), json!({"query": VIEWER_KIND})] {
        let (_, answer) = status_and_body(server.post(&request).await).await;
        assert_eq!(answer["data"]["viewer"]["kind"], "API_KEY", "{request}");
    }
    for request in
        [by_name("what"), json!({"query": "{ viewer { kind id } }"}), json!({"query": VIEWER_KIND.replace(' ', "  ")})]
    {
        let (_, answer) = status_and_body(server.post(&request).await).await;
        assert_eq!(error_code(&answer), "forbidden", "{request}");
    }
}

#[tokio::test]
async fn the_schema_is_not_disclosed_if_introspection_is_disabled() {
    let server = EmptyServer::start(&["--no-introspection"]).await;
    let schema = "{ __schema { types { name } } chats: __type(name: \"ChatConnection\") { fields { name } } }";
    let queries = [
        schema,
        "{ chats { nods { id } } }",
        "{ vewer { kind } }",
        "{ viewer { kin } }",
        "{ chats }",
        "{ chats(order: INBX) { totalCount } }",
        "{ chats(filter: {archivd: true}) { totalCount } }",
        "query($v: Boolean) { chats(first: $v) { totalCount } }",
        "{ chat { id } }",
        "mutation { deleteChat(input: {}) { clientMutationId } }",
        "mutation { deleteChat(input: {}) { deletedChatId } }",
    ];
    for query in queries {
        let answer = server.post(&json!({"query": query})).await.text().await.expect("text");
        for name in
            ["cid", "JID", "ChatConnection", "ChatOrder", "INBOX", "archived", "UpdateChatInput", "Query", "Int"]
        {
            assert!(!answer.contains(name), "{query} tells {name}: {answer}");
        }
        assert!(!answer.contains("nodes") && !answer.contains("\"viewer\""), "{answer}");
        assert!(!answer.contains("Did you mean") && !answer.contains("\"kind\""), "{answer}");
    }
    // What the request itself names is named, also if only the variables do.
    let list = "query($f: ChatFilter) { chats(filter: $f) { totalCount } }";
    let search = json!({"query": list, "variables": {"f": {"search": "x".repeat(10_000)}}});
    let answer: Value = server.post(&search).await.json().await.expect("JSON");
    assert_eq!(answer["errors"][0]["extensions"]["field"], "search", "{answer}");
}

#[tokio::test]
async fn pages_of_named_origins_may_read_answers() {
    let arguments = ["--allowed-origin", "https://chat.example.org", "--cors-header", "X-Tenant"];
    let server = EmptyServer::start(&arguments).await;
    let allowed = async |origin: &str, method: Method| {
        let request = server.request(method).header("Origin", origin).header("Access-Control-Request-Method", "POST");
        let response = request.json(&json!({"query": VIEWER_KIND})).send().await.expect("an answer");
        (response.status().as_u16(), header(&response, "access-control-allow-origin").to_owned())
    };
    let named = "https://chat.example.org".to_owned();
    assert_eq!(allowed(&named, Method::POST).await, (200, named.clone()));
    assert_eq!(allowed(&named, Method::OPTIONS).await, (200, named.clone()));
    assert_eq!(allowed("https://evil.example", Method::POST).await, (200, String::new()));
    assert_eq!(allowed("https://evil.example", Method::OPTIONS).await, (200, String::new()));
    let logged = async || server.log.text().contains("\"https://evil.example\"").then_some(());
    wait_for("the refused origin to be logged", logged).await;
    let request = reqwest::Client::new().request(Method::OPTIONS, &server.url).header("Origin", &named);
    let response = request.header("Access-Control-Request-Method", "POST").send().await.expect("an answer");
    let headers = header(&response, "access-control-allow-headers").to_owned();
    for name in [
        "accept",
        "authorization",
        "content-type",
        "x-api-key",
        "x-request-id",
        "last-event-id",
        "apollo-require-preflight",
        "apollographql-client-name",
        "apollographql-client-version",
        "traceparent",
        "tracestate",
        "baggage",
        "sentry-trace",
        "x-tenant",
    ] {
        assert!(headers.split(',').any(|allowed| allowed == name), "{name} is not allowed: {headers}");
    }
    assert!(header(&response, "vary").contains("origin"));
    let request = server.request(Method::POST).header("Origin", &named).json(&json!({"query": VIEWER_KIND}));
    let response = request.send().await.expect("an answer");
    let exposed = header(&response, "access-control-expose-headers");
    for name in ["x-request-id", "retry-after", "ratelimit", "ratelimit-policy"] {
        assert!(exposed.split(',').any(|told| told == name), "{name} is not exposed: {exposed}");
    }
}

#[tokio::test]
async fn no_answer_is_kept_by_a_cache_or_taken_for_another_type() {
    let server = EmptyServer::start(&[]).await;
    let query = server.request(Method::POST).json(&json!({"query": VIEWER_KIND}));
    let refused = reqwest::Client::new().post(&server.url).json(&json!({"query": VIEWER_KIND}));
    let stream =
        server.request(Method::POST).header("Accept", "text/event-stream").json(&json!({"query": VIEWER_KIND}));
    for request in [query, server.request(Method::GET), refused, stream, server.request(Method::PUT)] {
        let response = request.send().await.expect("an answer");
        let told = ["cache-control", "x-content-type-options"].map(|name| header(&response, name));
        assert_eq!(told, ["no-store", "nosniff"], "{response:?}");
        let depends = response.headers().get_all("vary").iter().map(|names| names.to_str().expect("text"));
        let depends = depends.collect::<Vec<_>>().join(",").to_ascii_lowercase();
        for name in ["accept", "authorization", "x-api-key", "origin"] {
            assert!(depends.split(',').any(|named| named.trim() == name), "{name} is missing in {depends}");
        }
    }
    for path in ["/healthz", "/readyz", "/nothing"] {
        let response = server.page(path).await;
        let told = ["cache-control", "x-content-type-options"].map(|name| header(&response, name));
        assert_eq!(told, ["no-store", "nosniff"], "{path}");
    }
    let page = server.page("/pair/ses_1").await;
    assert_eq!(["cache-control", "x-content-type-options"].map(|name| header(&page, name)), ["no-cache", "nosniff"]);
}

#[tokio::test]
async fn head_carries_nothing_out() {
    let server = TestServer::builder().log(Log::of_statements()).start_empty().await;
    let url = with_parameters(&server.url, &[("query", SESSION_IDS)]);
    let request = reqwest::Client::new().head(url).bearer_auth(&server.key).header("X-Request-Id", "only-the-head");
    let response = request.send().await.expect("an answer");
    assert_eq!((response.status().as_u16(), header(&response, "allow")), (405, "GET, POST"));
    let statements =
        server.log.of_request("only-the-head").into_iter().filter(|entry| entry["target"] == "sqlx::query");
    assert_eq!(statements.count(), 0);
}

#[tokio::test]
async fn long_responses_are_compressed_if_accepted() {
    let server = EmptyServer::start(&[]).await;
    let types = json!({"query": "{ __schema { types { name description } } }"});
    let encoding = async |query: &Value, accept: &str| {
        let request = server.request(Method::POST).header("Accept-Encoding", accept).json(query);
        let response = request.send().await.expect("an answer");
        let encoding = header(&response, "content-encoding").to_owned();
        (encoding, response.bytes().await.expect("a body").len())
    };
    let (gzip, short) = encoding(&types, "gzip").await;
    let (none, long) = encoding(&types, "identity").await;
    assert_eq!((&*gzip, &*none), ("gzip", ""));
    assert!(short * 2 < long, "{short} of {long} bytes");
    assert_eq!(encoding(&json!({"query": VIEWER_KIND}), "gzip").await.0, "");
}
