//! Content of the log at its most verbose level, and the secrets that it must not contain.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio_tungstenite::{connect_async, tungstenite::Message};

use crate::{
    encryption::fixture::{KeyFile, new_key},
    login_tokens::{
        fixture::{issuer, token_for},
        frontend::Frontend,
    },
    support::{
        BOOKS, CHAT_CHANGES, CHAT_IDS, CREATE_LABELED_SESSION, EmptyServer, Log, MEI, RAVI, STOP_SESSION, Subscription,
        TestServer, UPDATE_CHAT, VIEWER_KIND, account, upgrade, wait_for,
    },
};

/// Texts, names and search terms of people.
const PRIVATE: &[&str] = &[
    "15550100",
    "15550111",
    "15550112",
    "15550113",
    "15550200",
    "120363000000000001",
    "Tanaka",
    "Ravi",
    "Olu",
    "Book club",
    "Alex Example",
    "The invoice",
    "See you at six",
    "The password is swordfish",
    "looked-for",
    "cg_of_nobody_at_all",
    "Main entrance",
];

#[tokio::test]
async fn the_json_log_contains_nothing_private() {
    assert_nothing_private(Log::of_everything_as_json()).await;
}

#[tokio::test]
async fn the_text_log_contains_nothing_private() {
    assert_nothing_private(Log::of_everything_as_text()).await;
}

async fn assert_nothing_private(log: Log) {
    let frontend = Frontend::with_keys();
    let master_key = new_key();
    let file = KeyFile::of(&master_key);
    let [flag, path] = file.arguments();
    let issuer = issuer();
    let arguments = ["--jwks-url", &frontend.url, "--jwt-issuer", &issuer, "--jwt-audience", "chatgraph", flag, path];
    let account = account("15550100", "Alex Example");
    let server = TestServer::builder().account(account).log(log).arguments(&arguments).start().await;
    let login = token_for(Duration::from_mins(2));
    let (message, signature) = login.rsplit_once('.').expect("a token");
    let forged = format!("{message}.{}", signature.chars().rev().collect::<String>());
    let mut secrets = vec![server.key.clone(), login.clone(), signature.to_owned(), forged.clone(), master_key];

    let mut changes = server.subscribe_to_chats().await;
    server.phone().receive("15550112", RAVI, "The password is swordfish").await.expect("sent");
    while changes.next().await["chat"]["lastMessage"]["text"] != "The password is swordfish" {}
    server.phone().archive(BOOKS, false).await.expect("archived");
    server.update_chat(MEI, "archived: true, read: true").await;
    server.assert_in_sync().await;
    let list =
        "query($text: String) { chats(filter: {search: $text}) { nodes { name jid messages { nodes { text } } } } }";
    for key in [&server.key, &login, &forged, "cg_of_nobody_at_all"] {
        server.query_as(key, list, json!({"text": "looked-for"})).await;
        server.query_as(key, list, json!({"text": "Tanaka"})).await;
    }
    secrets.push(made_key(&server).await);
    secrets.extend(pairing_codes(&server).await);
    mistakes(&server).await;
    sockets(&server, &forged).await;
    // The database fails in the middle of the requests.
    server.execute("ALTER TABLE message RENAME TO elsewhere").await;
    server.query_with(list, json!({"text": "Tanaka"})).await;
    server.execute("ALTER TABLE elsewhere RENAME TO message").await;
    server.query_with(CREATE_LABELED_SESSION, json!({"label": "Main entrance"})).await;
    server.stop_session().await;

    let log = server.log();
    for told in ["Request completed", "sqlx::query", "DEBUG"] {
        assert!(log.contains(told), "the log lacks {told}, so the check proves nothing");
    }
    for private in PRIVATE.iter().copied().chain(secrets.iter().map(String::as_str)) {
        let line = log.lines().find(|line| line.contains(private));
        assert_eq!(line, None, "{private:?} is in the log");
    }
}

/// Creates another key, and returns its secret.
async fn made_key(server: &TestServer) -> String {
    let create = "mutation { createApiKey(input: {name: \"Olu's\", permissions: [READ]}) { secret } }";
    let made = server.query(create).await;
    made["data"]["createApiKey"]["secret"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
}

/// Starts pairing by QR code and by pairing code; returns both.
async fn pairing_codes(server: &TestServer) -> Vec<String> {
    server.sandbox.create_account(account("15550200", "Second")).expect("an account");
    let (session, picture) = server.session_to_scan().await;
    let request = "mutation($id: ID!) { requestPairingCode(input: {sessionId: $id, phoneNumber: \"15550200\"}) { \
                   session { pairing { code } } } }";
    let told = server.query_with(request, json!({"id": session})).await;
    let code = told["data"]["requestPairingCode"]["session"]["pairing"]["code"].as_str();
    let code = code.unwrap_or_else(|| panic!("{told}")).to_owned();
    server.query_with(STOP_SESSION, json!({"id": session})).await;
    vec![picture, code]
}

/// Sends many kinds of invalid requests.
async fn mistakes(server: &TestServer) {
    server.query(&format!("{{ chat(cid: \"{MEI}\") {{ nothing }} }}")).await;
    server.query(&format!("{{ chat(cid: \"{MEI}\") {{ id ")).await;
    server.query_with("query($c: JID!) { chat(cid: $c) { id } }", json!({"c": {"The invoice": 1}})).await;
    server.query_with(UPDATE_CHAT, json!({"input": {"cid": RAVI, "mutedUntil": -1}})).await;
    let client = reqwest::Client::new();
    let origin = server.url.replace("/graphql", "");
    let body = format!("{{\"query\": \"The invoice {}", server.key);
    let post = client.post(&server.url).header("X-Api-Key", &server.key).header("Content-Type", "application/json");
    post.body(body).send().await.expect("an answer");
    for path in [
        format!("/{}", server.key),
        "/15550111".into(),
        format!("/graphql?query={{chat(cid:\"{MEI}\"){{id}}}}&token={}", server.key),
    ] {
        client.get(format!("{origin}{path}")).send().await.expect("an answer");
        client.get(format!("{origin}{path}")).bearer_auth(&server.key).send().await.expect("an answer");
    }
    let named = client.post(&server.url).bearer_auth(&server.key).header("X-Request-Id", "Mei Tanaka");
    named.json(&json!({"query": "query Tanaka { viewer { kind } }"})).send().await.expect("an answer");
}

/// Opens sockets that send invalid messages.
async fn sockets(server: &TestServer, forged: &str) {
    let mut wrong = Subscription::open(server, forged, CHAT_CHANGES, json!({})).await;
    wrong.closed().await;
    for junk in [
        format!("{{\"type\": \"{}\"}}", server.key),
        format!("The invoice of {MEI}"),
        json!({"type": "subscribe", "id": "Tanaka", "payload": {"query": server.key}}).to_string(),
    ] {
        let (mut socket, _) = connect_async(upgrade(server)).await.expect("a socket");
        socket.send(Message::text(junk)).await.expect("sent");
        while let Some(Ok(_)) = socket.next().await {}
    }
}

#[tokio::test]
async fn a_request_has_one_log_line_with_its_result() {
    let server = TestServer::builder().log(Log::of_tokens()).start_empty().await;
    let client = reqwest::Client::new();
    for (id, key, status) in [("good-one", &*server.key, 200), ("bad-one", "cg_of_nobody", 401)] {
        let asked = client.post(&server.url).bearer_auth(key).header("X-Request-Id", id);
        let answer = asked.json(&json!({"query": VIEWER_KIND})).send().await.expect("an answer");
        let named = answer.headers()["x-request-id"].to_str().expect("text");
        assert_eq!((answer.status().as_u16(), named), (status, id));
        let ended = wait_for("the end of the request", async || {
            let entries = server.log.of_request(id);
            let ends: Vec<Value> =
                entries.into_iter().filter(|entry| entry["fields"]["message"] == "Request completed").collect();
            (!ends.is_empty()).then_some(ends)
        })
        .await;
        assert_eq!(ended.len(), 1, "{ended:?}");
        assert_eq!((&ended[0]["fields"]["http.status"], &ended[0]["level"]), (&json!(status), &json!("DEBUG")));
    }
}

#[tokio::test]
async fn an_internal_error_is_found_in_the_log_by_its_request_id() {
    let server = EmptyServer::start(&[]).await;
    server.execute("ALTER TABLE chat RENAME TO elsewhere").await;
    let answer = server.query(CHAT_IDS).await;
    let extensions = &answer["errors"][0]["extensions"];
    assert_eq!(extensions["code"], "internal", "{answer}");
    let id = extensions["requestId"].as_str().expect("an id").to_owned();
    let entries = wait_for("the failure in the log", async || {
        let entries = server.log.of_request(&id);
        (!entries.is_empty()).then_some(entries)
    })
    .await;
    assert!(entries.iter().any(|entry| entry["level"] == "ERROR"), "{entries:?}");
}
