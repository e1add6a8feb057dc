//! The JSON interface, over a real connection.
#![expect(clippy::unwrap_used, reason = "a failed set-up fails the test")]

mod accounts;
mod chats;
mod guard;
mod people;
mod phone;

use chatgraph_sandbox::{Config, Sandbox};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

/// A sandbox with an HTTP client.
struct Api {
    sandbox: Sandbox,
    client: Client,
}

impl Api {
    async fn start() -> Self {
        let sandbox = Sandbox::start(Config::default()).await.unwrap();
        Self { sandbox, client: Client::builder().no_proxy().build().unwrap() }
    }

    /// Starts a sandbox with Ada's account.
    async fn with_account() -> Self {
        let api = Self::start().await;
        api.post("/accounts", &account()).await.expect(StatusCode::CREATED);
        api
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.sandbox.url()))
    }

    async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        send(self.request(Method::POST, path).json(body)).await
    }

    /// Returns the chat as the phone shows it.
    async fn chat(&self, jid: &str) -> Value {
        let chats = self.get("/accounts/15550100001/chats").await.expect(StatusCode::OK);
        chats.as_array().unwrap().iter().find(|chat| chat["jid"] == jid).unwrap().clone()
    }
}

/// Response of the sandbox.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    body: Value,
}

impl Answer {
    /// Returns the body, if the status is this one.
    #[track_caller]
    fn expect(self, status: StatusCode) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// Returns the message, if the response is an error with this status and code.
    #[track_caller]
    fn error(self, status: StatusCode, code: &str) -> String {
        let body = self.expect(status);
        let message = body["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert_eq!(body, json!({"error": {"code": code, "message": message}}));
        message
    }
}

async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, body) = (response.status(), response.bytes().await.unwrap());
    let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
    Answer { status, body }
}

/// Returns an account of Ada, who knows Ben by number and LID, with a group.
fn account() -> Value {
    json!({
        "phone": "15550100001",
        "name": "Ada",
        "contacts": [{"phone": "15550100002", "name": "Ben", "lid": "100000000000002"}],
        "groups": [{"jid": "120363000000000001@g.us", "subject": "Chess", "participants": ["15550100002"]}],
        "history": [
            {
                "jid": "15550100002@s.whatsapp.net",
                "unreadCount": 1,
                "messages": [{"from": "15550100002", "text": "Your move", "at": 1_700_000_000_000_i64}],
            },
            {"jid": "120363000000000001@g.us", "pinned": true},
        ],
    })
}

#[tokio::test]
async fn the_summary_lists_the_routes_that_exist() {
    let api = Api::start().await;
    let summary = api.request(Method::GET, "/").send().await.unwrap().text().await.unwrap();

    let mut routes = 0;
    for line in summary.lines().filter_map(|line| line.strip_prefix("  ")) {
        let mut words = line.split_whitespace();
        let method: Method = words.next().unwrap().parse().unwrap();
        let path = words.next().unwrap().replace("{phone}", "15550100001").replace("{jid}", "x@g.us");
        let response = api.request(method.clone(), &path).send().await.unwrap();
        let body = response.text().await.unwrap();
        assert!(!body.contains("unknown_route") && !body.contains("method_not_allowed"), "{method} {path}: {body}");
        routes += 1;
    }
    assert_eq!(routes, 30);
}

#[tokio::test]
async fn a_missing_object_is_an_error() {
    let api = Api::start().await;
    api.get("/nowhere").await.error(StatusCode::NOT_FOUND, "unknown_route");
    api.post("/log", &json!({})).await.error(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed");
}
