//! The lifecycle of a session: stopped and started, renamed, logged out, deleted.

use serde_json::{Value, json};

use crate::support::{
    DELETE_CHAT, MEI, RAVI, SESSION_IDS, TestServer, error_code, error_field, session_mutation, wait_for,
};

impl TestServer {
    async fn own_session_fields(&self, fields: &str) -> Value {
        self.session_fields(&self.session, fields).await
    }

    async fn change_own_session(&self, mutation: &str, payload: &str) -> Value {
        self.query_with(&session_mutation(mutation, payload), json!({"id": self.session})).await
    }
}

#[tokio::test]
async fn a_stopped_session_starts_again_without_a_new_pairing() {
    let mut server = TestServer::start().await;
    let stopped = server.change_own_session("stopSession", "session { id status statusReason }").await;
    let session = json!({"id": server.session, "status": "STOPPED", "statusReason": null});
    assert_eq!(stopped["data"]["stopSession"]["session"], session);
    server.phone().disconnected().await.expect("gone");
    assert_eq!(server.change_own_session("stopSession", "session { status }").await["errors"], Value::Null);

    server.restart();
    assert_eq!(server.own_session_fields("status").await["status"], "STOPPED");
    assert_eq!(server.chat(MEI).await["name"], "Mei Tanaka");
    server.phone().receive("15550112", RAVI, "While you were away").await.expect("sent");
    server.update_chat(MEI, "pinned: true").await;

    server.start_session().await;
    server.assert_in_sync().await;
    let session = server.own_session_fields("status pairing { qr }").await;
    assert_eq!(session, json!({"status": "WORKING", "pairing": null}));
    assert_eq!(server.chat(RAVI).await["lastMessage"]["text"], "While you were away");
    assert_eq!(server.phone().companions(), 1);
}

#[tokio::test]
async fn a_session_is_renamed_and_null_leaves_it_as_it_is() {
    let server = TestServer::start().await;
    let update = "mutation($id: ID!, $label: String, $reply: String) { \
                  updateSession(input: {sessionId: $id, label: $label, callAutoReply: $reply}) { \
                  session { label callAutoReply } } }";
    let (most, longest) = ("ü".repeat(100), "ü".repeat(1_000));
    for (label, reply, shown) in [
        (json!("Front desk"), json!("We call back."), json!(["Front desk", "We call back."])),
        (Value::Null, Value::Null, json!(["Front desk", "We call back."])),
        (Value::Null, json!(""), json!(["Front desk", null])),
        (json!(" "), json!("No."), json!([null, "No."])),
        (json!(most), json!(longest), json!([most, longest])),
    ] {
        let variables = json!({"id": server.session, "label": label, "reply": reply});
        let answer = server.query_with(update, variables).await;
        let session = &answer["data"]["updateSession"]["session"];
        assert_eq!(json!([session["label"], session["callAutoReply"]]), shown, "{answer}");
        assert_eq!(server.own_session_fields("label callAutoReply").await, *session);
    }
    for (label, reply, field) in
        [(json!("x".repeat(101)), Value::Null, "label"), (Value::Null, json!("x".repeat(1_001)), "callAutoReply")]
    {
        let variables = json!({"id": server.session, "label": label, "reply": reply});
        let answer = server.query_with(update, variables).await;
        assert_eq!((error_code(&answer), error_field(&answer)), ("validation_error", field));
    }
    assert_eq!(server.own_session_fields("label").await["label"], json!(most));
}

#[tokio::test]
async fn logging_out_unlinks_the_device_and_keeps_the_stored_copy() {
    let server = TestServer::start().await;
    let out = server.change_own_session("logoutSession", "session { status statusReason }").await;
    assert_eq!(out["data"]["logoutSession"]["session"]["status"], "LOGGED_OUT", "{out}");
    assert!(out["data"]["logoutSession"]["session"]["statusReason"].is_string());
    assert_eq!(server.phone().companions(), 0);
    assert_eq!(server.chat(MEI).await["name"], "Mei Tanaka");
    // A second logout changes nothing, and stopping leaves the session logged out.
    assert_eq!(server.change_own_session("logoutSession", "session { status }").await["errors"], Value::Null);
    server.change_own_session("stopSession", "session { status }").await;
    assert_eq!(server.own_session_fields("status").await["status"], "LOGGED_OUT");

    server.pair_again().await;
    server.assert_in_sync().await;
    assert_eq!(server.phone().companions(), 1);
}

#[tokio::test]
async fn logging_out_a_disconnected_session_is_gateway_unavailable() {
    let server = TestServer::start().await;
    server.stop_session().await;
    let answer = server.change_own_session("logoutSession", "session { status }").await;
    assert_eq!(error_code(&answer), "gateway_unavailable");
    assert_eq!(server.own_session_fields("status").await["status"], "STOPPED");
    server.start_session().await;
    server.assert_in_sync().await;
}

#[tokio::test]
async fn a_deleted_session_is_unlinked_and_gone_with_all_its_chats() {
    let mut server = TestServer::start().await;
    let other = server.sandbox.create_account(crate::support::account("15550200", "Second")).expect("an account");
    let kept = server.pair(&other).await;
    let mut changes = server.subscribe_to_chats().await;

    let deleted = server.change_own_session("deleteSession", "deletedSessionId").await;
    assert_eq!(deleted["data"]["deleteSession"], json!({"deletedSessionId": server.session}), "{deleted}");
    assert_eq!(server.phone().companions(), 0);
    let asked = "query($id: ID!) { session(id: $id) { id } }";
    assert_eq!(error_code(&server.query_with(asked, json!({"id": server.session})).await), "not_found");
    for mutation in ["startSession", "stopSession", "logoutSession"] {
        assert_eq!(error_code(&server.change_own_session(mutation, "session { id }").await), "not_found", "{mutation}");
    }
    assert_eq!(error_code(&server.change_own_session("deleteSession", "deletedSessionId").await), "not_found");
    let list = server.query("{ chats { nodes { session { id } } } sessions { nodes { id status } } }").await;
    assert_eq!(list["data"]["sessions"]["nodes"], json!([{"id": kept, "status": "WORKING"}]));
    let chats = list["data"]["chats"]["nodes"].as_array().expect("chats");
    assert!(chats.len() == 3 && chats.iter().all(|chat| chat["session"]["id"] == json!(kept)), "{list}");

    // Each of its chats is published as deleted, including those without a message; no chat of the other session is.
    let mut told = std::collections::BTreeSet::new();
    while told.len() < 4 {
        let change = changes.next().await;
        assert_eq!((&change["kind"], &change["origin"]), (&json!("DELETED"), &json!("API")), "{change}");
        assert_eq!(change["sessionId"], json!(server.session));
        assert!(told.insert(change["cid"].to_string()), "{change}");
    }

    server.restart();
    let list = server.query(SESSION_IDS).await;
    assert_eq!(list["data"]["sessions"]["nodes"], json!([{"id": kept}]));
    server.session = server.pair(&server.phone().clone()).await;
    wait_for("the chats to be back", async || {
        let query = "query($id: ID!) { chats(sessionId: $id) { nodes { jid } } }";
        let list = server.query_with(query, json!({"id": server.session})).await;
        (list["data"]["chats"]["nodes"].as_array().map(Vec::len) == Some(3)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_session_that_is_down_is_unlinked_when_it_is_deleted() {
    let server = TestServer::start().await;
    server.stop_session().await;
    let deleted = server.change_own_session("deleteSession", "deletedSessionId").await;
    assert_eq!(deleted["errors"], Value::Null, "{deleted}");
    assert_eq!(server.phone().companions(), 0);
}

#[tokio::test]
async fn deleted_session_leaves_no_rows() {
    let server = TestServer::start().await;
    server.query_with(DELETE_CHAT, json!({"cid": RAVI})).await;
    let stored = ["session", "chat", "peer", "peer_address", "message", "tombstone", "device_record"];
    for table in stored {
        assert!(server.rows(table).await > 0, "{table}");
    }
    server.change_own_session("deleteSession", "deletedSessionId").await;
    let more = [
        "pending_action",
        "refusal",
        "early_rewrite",
        "early_receipt",
        "device_sender_key",
        "device_lid",
        "device_token",
        "device_secret",
    ];
    for table in stored.into_iter().chain(more) {
        wait_for(table, async || (server.rows(table).await == 0).then_some(())).await;
    }
}

#[tokio::test]
async fn a_session_that_was_never_paired_is_deleted_at_once() {
    let server = TestServer::start().await;
    let made = server.query("mutation { createSession(input: {label: \"\"}) { session { id label } } }").await;
    let session = made["data"]["createSession"]["session"].clone();
    assert_eq!(session["label"], Value::Null);
    for mutation in ["startSession", "deleteSession"] {
        let payload = if mutation == "startSession" { "session { id }" } else { "deletedSessionId" };
        let query = session_mutation(mutation, payload);
        let answer = server.query_with(&query, json!({"id": session["id"]})).await;
        assert_eq!(answer["errors"], Value::Null, "{answer}");
    }
    assert_eq!(server.query(SESSION_IDS).await["data"]["sessions"]["nodes"].as_array().map(Vec::len), Some(1));
    server.assert_in_sync().await;
}

#[tokio::test]
async fn an_unpaired_session_shows_its_code_as_text_and_picture() {
    let server = TestServer::start().await;
    server.change_own_session("logoutSession", "session { id }").await;
    server.change_own_session("startSession", "session { id }").await;
    let pairing = wait_for("a code", async || {
        let session = server.own_session_fields("pairing { qr qrSvg expiresAt }").await;
        Some(session["pairing"].clone()).filter(|pairing| !pairing.is_null())
    })
    .await;
    assert!(pairing["qr"].as_str().is_some_and(|qr| qr.split(',').count() == 5), "{pairing}");
    assert!(pairing["qrSvg"].as_str().is_some_and(|svg| svg.contains("<svg ")), "{pairing}");
}

#[tokio::test]
async fn a_session_reports_what_its_import_added() {
    let server = TestServer::start().await;
    let import = server.own_session_fields("historyImport { percent chats messages incomplete }").await;
    let whole = json!({"percent": 100, "chats": 3, "messages": 4, "incomplete": false});
    assert_eq!(import["historyImport"], whole);
}

#[tokio::test]
async fn another_organizations_session_is_answered_as_unknown() {
    let server = TestServer::start().await;
    let other = server.create_key("org_2", &[]);
    for mutation in ["stopSession", "logoutSession", "updateSession", "deleteSession"] {
        let payload = if mutation == "deleteSession" { "deletedSessionId" } else { "session { id }" };
        let query = session_mutation(mutation, payload);
        let foreign = server.query_as(&other, &query, json!({"id": server.session})).await;
        let unknown = server.query_as(&other, &query, json!({"id": "ses_01ARZ3NDEKTSV4RRFFQ69G5FAV"})).await;
        assert_eq!((error_code(&foreign), foreign.to_string()), ("not_found", unknown.to_string()), "{mutation}");
    }
    assert_eq!(server.own_session_fields("status label").await, json!({"status": "WORKING", "label": "Shop"}));
    server.assert_in_sync().await;
}

#[tokio::test]
async fn requests_visible_to_whatsapp_are_throttled_per_session() {
    let server = TestServer::start().await;
    let (other, _) = server.session_to_scan().await;
    let asked = async |mutation: &str, session: &str, more: &str| {
        let query =
            format!("mutation {{ {mutation}(input: {{sessionId: \"{session}\"{more}}}) {{ session {{ id }} }} }}");
        server.query(&query).await
    };
    let is_refused = |answer: &Value| answer["errors"][0]["extensions"]["code"] == "rate_limited";
    for (mutation, most, more) in [("startSession", 10, ""), ("resyncSession", 5, "")] {
        let mut refused = None;
        // The limit is refilled slightly meanwhile, which allows one more.
        for _ in 0..most + 2 {
            let answer = asked(mutation, &server.session, more).await;
            refused = is_refused(&answer).then_some(answer);
        }
        let refused = refused.unwrap_or_else(|| panic!("{mutation} was never refused"));
        assert!(refused["errors"][0]["extensions"]["retryAfterMs"].as_u64() > Some(0), "{refused}");
    }
    let number = ", phoneNumber: \"15550100\"";
    let answers = futures_util::future::join_all((0..8).map(|_| asked("requestPairingCode", &other, number))).await;
    let refused = answers.iter().filter(|answer| is_refused(answer)).count();
    assert!((2..=3).contains(&refused), "{answers:?}");
    let started = asked("startSession", &other, "").await;
    assert_eq!(started["errors"], Value::Null, "another session has its own limit: {started}");
}
