//! The reason why a session is down, as a code beside the text, and the error codes in the schema.

use std::collections::BTreeSet;

use chatgraph::{
    clock::SystemClock,
    domain::{
        clock::{Clock as _, iso},
        session::StatusCode,
    },
};
use serde_json::{Value, json};
use strum::VariantArray as _;

use crate::support::{MEI, START_SESSION, TestServer, wait_for};

impl TestServer {
    async fn disconnect(&self, how: Value) {
        let url = format!("{}/accounts/15550100/end", self.sandbox.url());
        let answer = reqwest::Client::new().post(url).json(&how).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{answer:?}");
    }

    /// Waits until the session has a code, and returns the session.
    async fn with_code(&self, code: &str) -> Value {
        let query = "query($id: ID!) { session(id: $id) { status statusReason statusCode bannedUntil } }";
        wait_for(code, async || {
            let session = self.query_with(query, json!({"id": self.session})).await["data"]["session"].clone();
            (session["statusCode"] == code).then_some(session)
        })
        .await
    }
}

#[tokio::test]
async fn a_session_that_is_down_says_why_in_a_code() {
    let server = TestServer::start().await;
    let works = "query($id: ID!) { session(id: $id) { statusReason statusCode bannedUntil } }";
    let session = server.query_with(works, json!({"id": server.session})).await["data"]["session"].clone();
    assert_eq!(session, json!({"statusReason": null, "statusCode": null, "bannedUntil": null}));
    for (kind, code) in [("replaced", "REPLACED"), ("outdated", "OUTDATED")] {
        server.disconnect(json!({"kind": kind})).await;
        let session = server.with_code(code).await;
        assert_eq!((&session["status"], &session["bannedUntil"]), (&json!("FAILED"), &Value::Null), "{session}");
        server.start_session().await;
    }
    server.disconnect(json!({"kind": "refused"})).await;
    assert_eq!(server.with_code("REFUSED").await["status"], "STARTING");
    assert!(server.log().contains("rejected by a fault"), "WhatsApp's text is in the log");
    server.wait_until_working().await;

    let now = SystemClock.now();
    server.disconnect(json!({"kind": "banned", "seconds": 3_600})).await;
    let session = server.with_code("BANNED").await;
    let until = session["bannedUntil"].as_i64().expect("an end");
    let listed = server.command(&["session", "list", "--json"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).expect("one line of JSON");
    assert_eq!((&listed["statusCode"], &listed["bannedUntil"]), (&json!("BANNED"), &json!(iso(until))), "{listed}");
    assert!((now + 3_590_000..now + 3_640_000).contains(&until), "{until} from {now}");
    let logout = "mutation($id: ID!) { logoutSession(input: {sessionId: $id}) { session { statusCode } } }";
    server.query_with(logout, json!({"id": server.session})).await;
}

#[tokio::test]
async fn a_logout_and_a_setting_rejected_by_it_have_codes() {
    let server = TestServer::start().await;
    server.stop_session().await;
    server.update_chat(MEI, "pinned: true").await;
    server.phone().unlink().await;
    server.query_with(START_SESSION, json!({"id": server.session})).await;
    assert_eq!(server.with_code("UNLINKED").await["status"], "LOGGED_OUT");
    let query = "query($cid: JID!) { chat(cid: $cid) { sync { refused { code reason } } } }";
    let refused = wait_for("the refusal", async || {
        let chat = server.query_with(query, json!({"cid": MEI})).await["data"]["chat"].clone();
        chat["sync"]["refused"].get(0).cloned()
    })
    .await;
    let reason = "The session was logged out before this change reached WhatsApp.";
    assert_eq!(refused, json!({"code": "UNLINKED", "reason": reason}));
}

#[tokio::test]
async fn commands_and_the_api_use_the_same_status_codes() {
    let server = TestServer::start().await;
    let answer = server.query("{ __type(name: \"SessionStatusCode\") { enumValues { name } } }").await;
    let values = answer["data"]["__type"]["enumValues"].as_array().expect("values");
    let names: BTreeSet<_> = values.iter().map(|value| value["name"].as_str().expect("a name")).collect();
    assert_eq!(names, StatusCode::VARIANTS.iter().map(|code| code.as_str()).collect());
}

#[tokio::test]
async fn the_schema_lists_every_code_with_what_a_client_does_about_it() {
    let server = TestServer::start().await;
    let listed = server.query("{ errorCodes { code retryable reasons } }").await["data"]["errorCodes"].clone();
    let codes: Vec<_> = listed.as_array().expect("a list").iter().map(|one| one["code"].clone()).collect();
    let schema = server.query("{ __type(name: \"ErrorCode\") { enumValues { name description } } }").await;
    let values = schema["data"]["__type"]["enumValues"].as_array().expect("values").clone();
    assert_eq!(values.iter().map(|value| value["name"].clone()).collect::<Vec<_>>(), codes);
    // The code in an answer is exactly one of the enum's values.
    let answer = server.query("{ session(id: \"x\") { id } }").await;
    assert!(codes.contains(&answer["errors"][0]["extensions"]["code"]), "{answer}");
    let conflict = listed.as_array().expect("a list").iter().find(|one| one["code"] == "conflict").expect("listed");
    assert!(conflict["reasons"].as_array().is_some_and(|reasons| reasons.contains(&json!("TOO_MANY_PINNED"))));
}
