//! Pairing a session, its failures, and several sessions of one account, with a phone that the test controls.

use serde_json::{Value, json};

use crate::support::{
    CREATE_SESSION, MEI, OWNER, RAVI, TestServer, account, error_code, error_field, session_mutation, wait_for,
};

impl TestServer {
    async fn made_session(&self) -> String {
        let made = self.query(CREATE_SESSION).await;
        made["data"]["createSession"]["session"]["id"].as_str().expect("an id").to_owned()
    }

    async fn request_code(&self, session: &str, phone: &str) -> Value {
        let query = "mutation($id: ID!, $phone: String!) { \
                     requestPairingCode(input: {sessionId: $id, phoneNumber: $phone}) { session { \
                     id status pairing { qr code expiresAt codeExpiresAt } } } }";
        self.query_with(query, json!({"id": session, "phone": phone})).await
    }

    async fn change_state(&self, mutation: &str, session: &str) -> Value {
        self.query_with(&session_mutation(mutation, "session { status }"), json!({"id": session})).await
    }

    /// Controls the phone over the sandbox's HTTP interface.
    async fn control_phone(&self, phone: &str, what: &str, body: Value) -> Value {
        let url = format!("{}/accounts/{phone}/{what}", self.sandbox.url());
        let answer = reqwest::Client::new().post(url).json(&body).send().await.expect("an answer");
        let (status, body) = (answer.status(), answer.json::<Value>().await.expect("JSON"));
        assert!(status.is_success(), "{what}: {body}");
        body
    }

    /// Waits until the session has this status, and returns the reason.
    async fn wait_for_session_status(&self, session: &str, status: &str) -> Value {
        wait_for(status, async || {
            let session = self.session_fields(session, "status statusReason").await;
            (session["status"] == status).then(|| session["statusReason"].clone())
        })
        .await
    }

    /// Waits until a chat of the session has this value in a field.
    async fn shows(&self, session: &str, cid: &str, field: &str, value: Value) {
        let query = format!("query($s: ID!, $c: JID!) {{ chat(sessionId: $s, cid: $c) {{ shown: {field} }} }}");
        wait_for(field, async || {
            let answer = self.query_with(&query, json!({"s": session, "c": cid})).await;
            (answer["data"]["chat"]["shown"] == value).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_session_is_paired_by_a_code_typed_on_the_phone() {
    let server = TestServer::start().await;
    let other = server.sandbox.create_account(account("15550200", "Second")).expect("an account");
    let session = server.made_session().await;

    // The session was never started: requesting a code starts it.
    let answer = server.request_code(&session, "15550200").await;
    let asked = &answer["data"]["requestPairingCode"]["session"];
    assert_eq!(asked["status"], "SCAN_QR_CODE", "{answer}");
    let pairing = &asked["pairing"];
    let code = pairing["code"].as_str().expect("a code");
    assert!(code.len() == 8 && code.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{pairing}");
    assert!(
        pairing["qr"].is_string() && pairing["codeExpiresAt"].as_i64() > pairing["expiresAt"].as_i64(),
        "{pairing}"
    );

    server.control_phone("15550200", "enter", json!({"code": code})).await;
    server.wait_for_session_status(&session, "WORKING").await;
    let paired = server.session_fields(&session, "phoneNumber pairing { code }").await;
    assert_eq!(paired, json!({"phoneNumber": "+15550200", "pairing": null}));
    assert_eq!(other.companions(), 1);
    server.shows(&session, MEI, "name", json!("Mei Tanaka")).await;
}

#[tokio::test]
async fn an_unpaired_session_requests_a_code_for_a_phone_number() {
    let server = TestServer::start().await;
    for phone in ["", "+15550100", "0155501000", "123456", "1234567890123456", "15550100\n"] {
        let answer = server.request_code(&server.session, phone).await;
        assert_eq!((error_code(&answer), error_field(&answer)), ("validation_error", "phoneNumber"), "{phone:?}");
    }
    assert_eq!(error_code(&server.request_code(&server.session, OWNER).await), "conflict");

    let session = server.made_session().await;
    let refused = server.request_code(&session, "15550999").await;
    assert_eq!(error_code(&refused), "conflict");
    let message = refused["errors"][0]["message"].as_str().expect("a message");
    assert!(message.contains("check the number"), "{message}");
    let waiting = server.session_fields(&session, "status pairing { code }").await;
    assert_eq!(waiting, json!({"status": "SCAN_QR_CODE", "pairing": {"code": null}}));
}

#[tokio::test]
async fn two_sessions_of_one_account_see_the_phone_and_each_other() {
    let server = TestServer::start().await;
    let second = server.pair(server.phone()).await;
    assert_eq!(server.phone().companions(), 2);
    let both = [server.session.as_str(), &second];

    server.phone().archive(MEI, true).await.expect("archived");
    server.phone().receive("15550112", RAVI, "To both of you").await.expect("sent");
    for session in both {
        server.shows(session, MEI, "archived", json!(true)).await;
        server.shows(session, RAVI, "lastMessage { text }", json!({"text": "To both of you"})).await;
    }
    for (from, to, pinned) in [(both[0], both[1], true), (both[1], both[0], false)] {
        let pin = "mutation($s: ID!, $c: JID!, $p: Boolean) { \
                   updateChat(input: {sessionId: $s, cid: $c, pinned: $p}) { chat { pinned } } }";
        let answer = server.query_with(pin, json!({"s": from, "c": RAVI, "p": pinned})).await;
        assert_eq!(answer["errors"], Value::Null, "{answer}");
        server.shows(to, RAVI, "pinned", json!(pinned)).await;
    }

    server.control_phone(OWNER, "unlink", json!({"device": 1})).await;
    server.wait_for_session_status(both[0], "LOGGED_OUT").await;
    server.phone().receive("15550112", RAVI, "To one of you").await.expect("sent");
    server.shows(both[1], RAVI, "lastMessage { text }", json!({"text": "To one of you"})).await;
}

#[tokio::test]
async fn session_ended_by_whatsapp_stays_ended_with_its_reason() {
    let server = TestServer::start().await;
    let session = server.session.clone();
    for (kind, said) in [
        ("replaced", "another connection took over this device"),
        ("outdated", "WhatsApp no longer accepts this version; update chatgraph"),
    ] {
        server.control_phone(OWNER, "end", json!({"kind": kind})).await;
        assert_eq!(server.wait_for_session_status(&session, "FAILED").await, json!(said));
        server.phone().disconnected().await.expect("gone");
        server.start_session().await;
    }

    server.control_phone(OWNER, "end", json!({"kind": "banned", "seconds": 3_600})).await;
    let reason = server.wait_for_session_status(&session, "FAILED").await;
    let reason = reason.as_str().expect("a reason");
    let until = reason.strip_prefix("WhatsApp banned the account until ").expect(reason);
    let (until, why) = until.split_once("Z: ").expect(reason);
    assert!(until.len() == "2026-01-01T00:00:00.000".len() && until.contains('T') && !why.is_empty(), "{reason}");
    // A restarted session fails again while the ban lasts.
    server.change_state("startSession", &session).await;
    server.wait_for_session_status(&session, "FAILED").await;
    server.control_phone(OWNER, "end", json!({"kind": "dropped"})).await;
    server.start_session().await;
    server.assert_in_sync().await;
}

#[tokio::test]
async fn a_session_that_the_phone_unlinks_is_logged_out_and_says_so() {
    let server = TestServer::start().await;
    server.control_phone(OWNER, "unlink", json!({})).await;
    let reason = server.wait_for_session_status(&server.session, "LOGGED_OUT").await;
    assert_eq!(reason, json!("this device was unlinked; link it again"));
    server.pair_again().await;
    server.assert_in_sync().await;
}

#[tokio::test]
async fn a_session_takes_no_other_account_than_its_first() {
    let server = TestServer::start().await;
    let session = server.session.clone();
    let mut stranger = account("15550300", "Stranger");
    stranger.groups[0].subject = "Strangers".into();
    let stranger = server.sandbox.create_account(stranger).expect("an account");
    server.change_state("logoutSession", &session).await;
    for _ in 0..2 {
        server.change_state("startSession", &session).await;
        let qr = wait_for("a QR code", async || {
            let shown = server.session_fields(&session, "pairing { qr }").await;
            shown["pairing"]["qr"].as_str().map(str::to_owned)
        })
        .await;
        stranger.scan(&qr).await.expect("scanned");
        let reason = server.wait_for_session_status(&session, "FAILED").await;
        assert!(reason.as_str().is_some_and(|reason| reason.starts_with("a different account was paired")), "{reason}");
        assert_eq!(stranger.companions(), 0);
    }
    // No data of the other account was stored.
    let kept = server.session_fields(&session, "phoneNumber chat(cid: \"120363000000000001@g.us\") { name }").await;
    assert_eq!(kept, json!({"phoneNumber": "+15550100", "chat": {"name": "Book club"}}));
    assert_eq!(
        server.change_state("logoutSession", &session).await["errors"],
        Value::Null,
        "logging out without a linked device succeeds"
    );

    server.pair_again().await;
    server.assert_in_sync().await;
}

#[tokio::test]
async fn lost_settings_are_restored_by_a_full_sync() {
    let server = TestServer::start().await;
    server.phone().pin(MEI, true).await.expect("pinned");
    for read in [true, false] {
        server.phone().mark_read(MEI, read).await.expect("marked");
    }
    server.assert_in_sync().await;
    // A state that a crash between two writes once left.
    let lost = "pinned = FALSE, pinned_as_of = 0, archived = FALSE, archived_as_of = 0, \
                muted_until = NULL, muted_as_of = 0";
    server.execute(&format!("UPDATE chat SET {lost}")).await;
    assert_eq!(server.chat(MEI).await["pinned"], false);

    let answer = server.change_state("resyncSession", &server.session).await;
    assert_eq!(answer["data"]["resyncSession"]["session"]["status"], "WORKING", "{answer}");
    assert_eq!(server.chat(MEI).await["pinned"], true, "the settings are stored before the answer");
    server.assert_in_sync().await;

    // After the resync, further changes are applied.
    server.phone().pin(MEI, false).await.expect("unpinned");
    server.update_chat(RAVI, "archived: true").await;
    server.assert_in_sync().await;
    server.stop_session().await;
    assert_eq!(error_code(&server.change_state("resyncSession", &server.session).await), "gateway_unavailable");
}
