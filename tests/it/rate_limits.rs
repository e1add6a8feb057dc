//! Rate limits of a client, and the limit on failed tokens of an address.

use std::{net::IpAddr, time::Duration};

use reqwest::{Client, Response};
use serde_json::{Value, json};

use crate::{
    login_tokens::{
        fixture::{issuer, token_for},
        frontend::Frontend,
    },
    support::{
        CHAT_CHANGES, CREATE_SESSION, DELETE_SESSION, EmptyServer, Log, Subscription, TestServer, VIEWER_KIND,
        create_key, error_code, program,
    },
};

/// Query with cost 601: a list of 200 chats with one field each, and the list itself.
const DEAR: &str = "{ chats(first: 200) { nodes { id } } }";
/// A burst of two `DEAR` queries, and then a refill rate so low that no test waits for it.
const TWO: [&str; 4] = ["--rate-limit-burst", "1200", "--rate-limit-cost-per-minute", "60"];

fn client_at(address: [u8; 4]) -> Client {
    Client::builder().local_address(IpAddr::from(address)).build().expect("a client")
}

impl EmptyServer {
    async fn asked(&self, key: &str, body: Value) -> Response {
        Client::new().post(&self.url).bearer_auth(key).json(&body).send().await.expect("an answer")
    }

    fn another_key(&self) -> String {
        create_key(&self.database, "org_1", &[])
    }

    /// Returns the status of a query from an address with a token, optionally forwarded by a proxy for another address.
    async fn status(&self, from: [u8; 4], token: &str, passed_on_for: Option<&str>) -> u16 {
        let mut request = client_at(from).post(&self.url).bearer_auth(token).json(&json!({"query": VIEWER_KIND}));
        if let Some(source) = passed_on_for {
            request = request.header("X-Forwarded-For", source);
        }
        request.send().await.expect("an answer").status().as_u16()
    }
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().expect("text"))
}

/// Asserts that the request was rejected, with a time to retry.
async fn refused(response: Response) {
    assert_eq!(response.status(), 429);
    let seconds: u64 = header(&response, "retry-after").expect("a time").parse().expect("a number");
    let answer: Value = response.json().await.expect("JSON");
    let errors = answer.as_array().map_or_else(|| vec![answer.clone()], Clone::clone);
    for answer in errors {
        assert_eq!(error_code(&answer), "rate_limited");
        let wait_ms = answer["errors"][0]["extensions"]["retryAfterMs"].as_u64().expect("a time");
        assert!(wait_ms > 0 && wait_ms.div_ceil(1_000) <= seconds, "{seconds} s, and {answer}");
    }
}

#[tokio::test]
async fn a_rate_limited_client_gets_retry_after() {
    let server = EmptyServer::start(&TWO).await;
    let dear = json!({"query": DEAR});
    let first = server.asked(&server.key, dear.clone()).await;
    assert_eq!(first.status(), 200);
    let policies = "\"cost\";q=1200;w=1200, \"organization\";q=4800;w=1200";
    assert_eq!(header(&first, "ratelimit-policy"), Some(policies));
    let standing = header(&first, "ratelimit").expect("a rate limit").to_owned();
    let left: u64 = standing.split(['=', ';']).nth(2).and_then(|left| left.parse().ok()).expect("a number");
    assert!((599..1200).contains(&left) && standing.starts_with("\"cost\";r="), "{standing}");
    assert_eq!(server.asked(&server.key, dear.clone()).await.status(), 200);

    refused(server.asked(&server.key, dear.clone()).await).await;
    let address = format!("{}?query={}", server.url, DEAR.replace(' ', "%20"));
    refused(Client::new().get(address).bearer_auth(&server.key).send().await.expect("an answer")).await;
    refused(server.asked(&server.key, json!([{"query": DEAR}, {"query": DEAR}])).await).await;
    let stream = Client::new().post(&server.url).bearer_auth(&server.key).header("Accept", "text/event-stream");
    let stream = stream.json(&json!({"query": CHAT_CHANGES}));
    refused(stream.send().await.expect("an answer")).await;
    let batch = json!([{"query": DEAR}, {"query": DEAR}, {"query": VIEWER_KIND}]);
    let some = server.asked(&server.another_key(), batch).await;
    assert_eq!((some.status().as_u16(), header(&some, "retry-after")), (200, None));
    let some: Value = some.json().await.expect("JSON");
    assert_eq!((&some[1]["errors"], error_code(&some[2])), (&Value::Null, "rate_limited"));
    let mut socket = Subscription::open_at(&server.url, &server.key, DEAR, json!({})).await;
    let error = socket.message("error").await;
    assert_eq!(error["payload"][0]["extensions"]["code"], "rate_limited", "{error}");
    assert!(error["payload"][0]["extensions"]["retryAfterMs"].as_u64() > Some(0), "{error}");

    assert_eq!(server.asked(&server.another_key(), dear).await.status(), 200, "another client has its own limit");
}

#[tokio::test]
async fn a_retry_after_the_delay_succeeds() {
    let server = EmptyServer::start(&["--rate-limit-burst", "601", "--rate-limit-cost-per-minute", "60000"]).await;
    let mut refusals = 0;
    // On a slow machine the bucket refills between requests, so it takes several attempts to get a rejection.
    for _ in 0..50 {
        let answer: Value = server.asked(&server.key, json!({"query": DEAR})).await.json().await.expect("JSON");
        let Some(wait_ms) = answer["errors"][0]["extensions"]["retryAfterMs"].as_u64() else { continue };
        refusals += 1;
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        let answer: Value = server.asked(&server.key, json!({"query": DEAR})).await.json().await.expect("JSON");
        assert_eq!(answer["errors"], Value::Null, "{answer}");
        if refusals == 2 {
            return;
        }
    }
}

#[tokio::test]
async fn a_rejected_document_costs_its_length() {
    let server = EmptyServer::start(&TWO).await;
    let wrong = json!({"query": format!("{{ # {}\n", "x".repeat(700))});
    for _ in 0..2 {
        let answer = server.asked(&server.key, wrong.clone()).await;
        assert_eq!(error_code(&answer.json().await.expect("JSON")), "validation_error");
    }
    refused(server.asked(&server.key, wrong).await).await;
}

#[tokio::test]
async fn without_a_limit_there_are_no_rate_limit_headers() {
    let server = EmptyServer::start(&["--rate-limit-cost-per-minute", "0", "--rate-limit-burst", "1"]).await;
    for _ in 0..3 {
        let answer = server.asked(&server.key, json!({"query": DEAR})).await;
        assert_eq!((answer.status().as_u16(), header(&answer, "ratelimit")), (200, None));
    }
}

#[tokio::test]
async fn a_person_has_one_allowance_with_every_token() {
    let frontend = Frontend::with_keys();
    let logins = ["--jwks-url", &frontend.url, "--jwt-issuer", &issuer(), "--jwt-audience", "chatgraph"];
    let server = EmptyServer::start(&[&TWO[..], &logins].concat()).await;
    for seconds in [100, 110] {
        let token = token_for(Duration::from_secs(seconds));
        assert_eq!(server.asked(&token, json!({"query": DEAR})).await.status(), 200);
    }
    refused(server.asked(&token_for(Duration::from_mins(2)), json!({"query": DEAR})).await).await;
    assert_eq!(server.asked(&server.key, json!({"query": DEAR})).await.status(), 200, "the key has its own limit");
}

#[tokio::test]
async fn new_valid_tokens_pass_beside_too_many_invalid_ones() {
    const HERE: [u8; 4] = [127, 0, 0, 1];
    let server = EmptyServer::start(&["--max-failed-tokens-per-minute", "5"]).await;
    for number in 0..5 {
        assert_eq!(server.status(HERE, &format!("cg_guess_{number}"), None).await, 401);
    }
    let asked = Client::new().post(&server.url).bearer_auth("cg_guess_6");
    refused(asked.json(&json!({"query": VIEWER_KIND})).send().await.expect("an answer")).await;
    assert_eq!(server.status(HERE, "a.b.c", None).await, 429, "a login token, too");
    assert_eq!(server.status(HERE, &server.another_key(), None).await, 200, "a valid token that is new");
    assert_eq!(server.status([127, 0, 0, 2], "cg_guess_7", None).await, 401, "another address");
    let mut socket = Subscription::open_at(&server.url, "cg_guess_8", VIEWER_KIND, json!({})).await;
    assert_eq!(u16::from(socket.closed().await.code), 4403);
    let mut socket = Subscription::open_at(&server.url, &server.another_key(), VIEWER_KIND, json!({})).await;
    assert_eq!(socket.message("next").await["payload"]["data"]["viewer"]["kind"], "API_KEY");
}

#[tokio::test]
async fn after_many_invalid_tokens_a_new_one_causes_no_read() {
    const HERE: [u8; 4] = [127, 0, 0, 1];
    let server = TestServer::builder()
        .arguments(&["--max-failed-tokens-per-minute", "2"])
        .log(Log::of_statements())
        .start_empty()
        .await;
    assert_eq!(server.status(HERE, &server.key, None).await, 200);
    for number in 0..100 {
        let expected = if number < 2 { 401 } else { 429 };
        assert_eq!(server.status(HERE, &format!("cg_guess_{number}"), None).await, expected, "{number}");
    }
    let asked = Client::new().post(&server.url).bearer_auth("cg_guess_100").header("X-Request-Id", "guessing");
    refused(asked.json(&json!({"query": VIEWER_KIND})).send().await.expect("an answer")).await;
    let statements = server.log.of_request("guessing").into_iter().filter(|entry| entry["target"] == "sqlx::query");
    assert_eq!(statements.count(), 0, "the database was read for an invalid token");
    assert_eq!(server.status(HERE, &server.another_key(), None).await, 429, "a new token was verified");
    assert_eq!(server.status(HERE, &server.key, None).await, 200, "a token that was recently valid");
    assert_eq!(server.status([127, 0, 0, 2], &server.another_key(), None).await, 200, "another address");
}

#[tokio::test]
async fn sockets_count_as_attempts_too() {
    let server = EmptyServer::start(&["--max-failed-tokens-per-minute", "3"]).await;
    for number in 0..3 {
        let mut socket =
            Subscription::open_at(&server.url, &format!("cg_guess_{number}"), VIEWER_KIND, json!({})).await;
        assert_eq!(u16::from(socket.closed().await.code), 4403);
    }
    assert_eq!(server.status([127, 0, 0, 1], "cg_guess_4", None).await, 429);
}

#[tokio::test]
async fn a_stranger_cannot_name_another_address() {
    const HERE: [u8; 4] = [127, 0, 0, 1];
    let server = EmptyServer::start(&["--max-failed-tokens-per-minute", "3"]).await;
    for number in 0..3 {
        let source = format!("203.0.113.{number}");
        assert_eq!(server.status(HERE, "cg_guess", Some(&source)).await, 401);
    }
    assert_eq!(server.status(HERE, "cg_guess", Some("203.0.113.9")).await, 429);
}

#[tokio::test]
async fn behind_a_proxy_each_client_has_its_own_address() {
    const PROXY: [u8; 4] = [127, 0, 0, 1];
    let server =
        EmptyServer::start(&["--max-failed-tokens-per-minute", "3", "--trusted-proxies", "127.0.0.1,10.0.0.0/8"]).await;
    for _ in 0..3 {
        assert_eq!(server.status(PROXY, "cg_guess", Some("198.51.100.7, 203.0.113.1, 10.1.1.1")).await, 401);
    }
    assert_eq!(server.status(PROXY, "cg_guess", Some("203.0.113.1")).await, 429);
    assert_eq!(server.status(PROXY, "cg_guess", Some("203.0.113.2")).await, 401);
    assert_eq!(
        server.status(PROXY, "cg_guess", Some("203.0.113.1, 203.0.113.3")).await,
        401,
        "addresses that the client itself sent do not count"
    );
    assert_eq!(
        server.status([127, 0, 0, 2], "cg_guess", Some("203.0.113.1")).await,
        401,
        "the header of an untrusted address was used"
    );
}

#[tokio::test]
async fn all_keys_of_an_organization_share_one_allowance() {
    let limits = ["--organization-rate-limit-burst", "1800", "--organization-rate-limit-cost-per-minute", "60"];
    let server = EmptyServer::start(&[&TWO[..], &limits].concat()).await;
    let keys = [(); 3].map(|()| server.another_key());
    for key in &keys {
        assert_eq!(server.asked(key, json!({"query": DEAR})).await.status(), 200);
    }
    for key in [&keys[0], &server.key] {
        refused(server.asked(key, json!({"query": VIEWER_KIND})).await).await;
    }
    let made = program(&server.database, &["key", "create", "--organization", "org_2"]).output().expect("runs");
    let theirs = String::from_utf8(made.stdout).expect("text").trim().to_owned();
    assert_eq!(
        server.asked(&theirs, json!({"query": DEAR})).await.status(),
        200,
        "another organization has its own limit"
    );
}

#[tokio::test]
async fn a_mutation_costs_what_it_writes() {
    let server = EmptyServer::start(&["--rate-limit-burst", "1000", "--rate-limit-cost-per-minute", "60"]).await;
    let write = json!({"query": CREATE_SESSION});
    // Each costs 100 plus its three fields; the tenth exceeds the limit.
    for _ in 0..10 {
        assert_eq!(server.asked(&server.key, write.clone()).await.status(), 200);
    }
    refused(server.asked(&server.key, write).await).await;
}

#[tokio::test]
async fn an_organizations_sockets_and_subscriptions_are_limited() {
    let limits = ["--max-sockets-per-organization", "2", "--max-subscriptions-per-organization", "3"];
    let server = EmptyServer::start(&limits).await;
    let open = async |key: &str| Subscription::open_at(&server.url, key, CHAT_CHANGES, json!({})).await;
    let (mut first, mut second) = (open(&server.key).await, open(&server.another_key()).await);
    first.message("next").await;
    second.message("next").await;
    let frame = open(&server.key).await.closed().await;
    assert_eq!((u16::from(frame.code), frame.reason.as_str()), (1013, "Too many WebSockets of this organization"));

    let stream = async || {
        let request = Client::new().post(&server.url).bearer_auth(&server.key).header("Accept", "text/event-stream");
        request.json(&json!({"query": CHAT_CHANGES})).send().await.expect("an answer")
    };
    let mut third = stream().await;
    assert!(third.chunk().await.expect("whole").is_some());
    let one_too_many = stream().await.text().await.expect("text");
    assert!(one_too_many.contains("limit_exceeded"), "{one_too_many}");
    assert!(one_too_many.contains("--max-subscriptions-per-organization"), "{one_too_many}");

    let made = program(&server.database, &["key", "create", "--organization", "org_2"]).output().expect("runs");
    let theirs = String::from_utf8(made.stdout).expect("text").trim().to_owned();
    open(&theirs).await.message("next").await;
    drop(first);
    crate::support::wait_for("a free connection", async || {
        let message = open(&server.key).await.first_message().await?;
        (message["type"] == "next").then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_organization_makes_no_more_sessions_than_it_may() {
    let server = EmptyServer::start(&["--max-sessions-per-organization", "3"]).await;
    let write = json!({"query": CREATE_SESSION});
    let made = futures_util::future::join_all((0..12).map(|_| server.asked(&server.key, write.clone()))).await;
    let made = futures_util::future::join_all(made.into_iter().map(Response::json::<Value>)).await;
    let (made, refused): (Vec<_>, Vec<_>) =
        made.into_iter().map(|answer| answer.expect("JSON")).partition(|answer| answer["errors"].is_null());
    assert_eq!(made.len(), 3);
    for answer in refused {
        assert_eq!(error_code(&answer), "conflict", "{answer}");
        assert_eq!(answer["errors"][0]["extensions"]["reason"], "TOO_MANY_SESSIONS", "{answer}");
        assert!(answer.to_string().contains("--max-sessions-per-organization"), "{answer}");
    }
    let id = &made[0]["data"]["createSession"]["session"]["id"];
    server.asked(&server.key, json!({"query": DELETE_SESSION, "variables": {"id": id}})).await;
    let again: Value = server.asked(&server.key, write).await.json().await.expect("JSON");
    assert_eq!(again["errors"], Value::Null, "{again}");
}
