//! Calls: reported while they ring, rejected, and answered with a message.

use serde_json::{Value, json};

use crate::support::{BOOKS, MEI, RAVI, REJECT_CALL, Subscription, TestServer, error_code, error_field, wait_for};

const CALLS: &str = "subscription($session: ID) { incomingCalls(sessionId: $session) { \
                     id session { id } from fromName video group at } }";

/// Returns the next call.
async fn next(calls: &mut Subscription) -> Value {
    calls.message("next").await["payload"]["data"]["incomingCalls"].clone()
}

impl TestServer {
    async fn reject(&self, call: &str, from: &str) -> Value {
        self.query_with(REJECT_CALL, json!({"input": {"sessionId": self.session, "callId": call, "from": from}})).await
    }

    /// Rejects a call once the server knows that it rings.
    async fn reject_ringing(&self, call: &str, from: &str) -> Value {
        wait_for("the call to ring at the server", async || {
            let answer = self.reject(call, from).await;
            (answer["errors"].is_null() || error_code(&answer) != "not_found").then_some(answer)
        })
        .await
    }

    async fn replies_with(&self, text: &str) {
        let update = "mutation($input: UpdateSessionInput!) { updateSession(input: $input) { session { id } } }";
        let answer =
            self.query_with(update, json!({"input": {"sessionId": self.session, "callAutoReply": text}})).await;
        assert_eq!(answer["errors"], Value::Null, "{answer}");
    }

    /// Returns the state of a call on the phone.
    fn call_state(&self, id: &str) -> Value {
        let call = self.phone().calls().into_iter().find(|call| call.id == id).expect("a call");
        serde_json::to_value(call.state).expect("a state")
    }

    /// Places calls until the subscriber receives one: a call that rang before the subscription started is not
    /// reported.
    async fn rings(&self, calls: &mut Subscription) -> (String, Value) {
        let mut rung = Vec::new();
        let ringing = async {
            loop {
                rung.push(self.phone().call("15550111", true, None).await.expect("a call"));
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        };
        let heard = tokio::select! {
            heard = next(calls) => heard,
            () = ringing => unreachable!("it rings on and on"),
        };
        let id = heard["id"].as_str().expect("an id").to_owned();
        assert!(rung.contains(&id));
        (id, heard)
    }
}

#[tokio::test]
async fn a_ringing_call_is_published_and_rejected_on_the_phone() {
    let server = TestServer::start().await;
    let session = json!({"session": server.session});
    let mut calls = Subscription::open(&server, &server.key, CALLS, session).await;
    let (id, heard) = server.rings(&mut calls).await;
    assert_eq!((&heard["session"]["id"], &heard["from"]), (&json!(server.session), &json!(MEI)));
    assert_eq!(
        (&heard["fromName"], &heard["video"], &heard["group"]),
        (&json!("Mei Tanaka"), &json!(true), &Value::Null)
    );
    assert!(heard["at"].as_i64() > Some(1_700_000_000_000));

    let answer = server.reject(&id, MEI).await;
    assert_eq!(answer["data"]["rejectCall"], json!({"sent": true, "autoReplied": false}), "{answer}");
    wait_for("the phone to hear of it", async || (server.call_state(&id) == "REJECTED").then_some(())).await;
    // The call changes nothing in the stored copy.
    server.assert_in_sync().await;

    let group = server.phone().call("15550112", false, Some(BOOKS)).await.expect("a call");
    let heard = loop {
        let heard = next(&mut calls).await;
        if heard["id"] == group {
            break heard;
        }
    };
    assert_eq!((&heard["group"], &heard["video"]), (&json!(BOOKS), &json!(false)));
    server.phone().hang_up(&group).await.expect("ended");
    assert_eq!(server.call_state(&group), "ENDED");
}

#[tokio::test]
async fn the_caller_gets_one_reply_for_each_call() {
    let server = TestServer::start().await;
    server.replies_with("We write rather than call: what can we do for you?").await;
    let mut replied = Vec::new();
    for _ in 0..4 {
        let id = server.phone().call("15550111", false, None).await.expect("a call");
        let first = server.reject_ringing(&id, MEI).await;
        assert_eq!(first["data"]["rejectCall"]["sent"], true, "{first}");
        replied.push(first["data"]["rejectCall"]["autoReplied"].clone());
        let again = server.reject(&id, MEI).await;
        assert_eq!(
            again["data"]["rejectCall"],
            json!({"sent": true, "autoReplied": false}),
            "a second rejection sends no reply"
        );
    }
    assert_eq!(replied, [true, true, true, false]);
    // The phone shows the automatic reply, and so does the API.
    server.assert_in_sync().await;
    let last = server.chat(MEI).await["lastMessage"].clone();
    assert_eq!((&last["fromMe"], &last["kind"]), (&json!(true), &json!("TEXT")));
    assert_eq!(last["text"], "We write rather than call: what can we do for you?");
}

#[tokio::test]
async fn only_a_ringing_call_is_rejected_and_only_its_caller_answered() {
    let server = TestServer::start().await;
    let sender = server.create_key("org_1", &["send"]);
    let reject = async |session: &str, call: &str, from: &str| {
        let input = json!({"input": {"sessionId": session, "callId": call, "from": from}});
        server.query_as(&sender, REJECT_CALL, input).await
    };
    let refused = async |session: &str, call: &str, from: &str| {
        let answer = reject(session, call, from).await;
        assert_eq!(error_code(&answer), "not_found", "{call} from {from}: {answer}");
    };
    let ringing = server.phone().call("15550112", false, None).await.expect("a call");
    let group = server.phone().call("15550112", false, Some(BOOKS)).await.expect("a call");
    let ended = server.phone().call("15550111", false, None).await.expect("a call");
    // The server has processed the earlier calls once it has processed the last one.
    server.reject_ringing(&ended, MEI).await;
    server.phone().hang_up(&ended).await.expect("ended");
    wait_for("the end of the call", async || {
        let answer = reject(&server.session, &ended, MEI).await;
        (answer["errors"][0]["extensions"]["code"] == "not_found").then_some(())
    })
    .await;

    server.replies_with("Buy now").await;
    for from in [MEI, "15550001234@s.whatsapp.net", BOOKS, "120363000000000001@newsletter", "status@broadcast"] {
        for call in ["never-rang", &ringing, &group, &ended] {
            refused(&server.session, call, from).await;
        }
    }
    refused(&server.session, "never-rang", RAVI).await;
    refused(&server.session, &ended, RAVI).await;
    assert_eq!([&ringing, &group].map(|call| server.call_state(call)), ["RINGING", "RINGING"]);
    server.assert_in_sync().await;
    for jid in [MEI, BOOKS, RAVI] {
        assert_ne!(server.chat(jid).await["lastMessage"]["text"], "Buy now", "{jid} was written");
    }

    let create = server.query("mutation { createSession(input: {label: \"second\"}) { session { id } } }").await;
    let second = create["data"]["createSession"]["session"]["id"].as_str().expect("an id");
    refused(second, &ringing, RAVI).await;
    let answer = reject(&server.session, &ringing, RAVI).await;
    assert_eq!(answer["data"]["rejectCall"], json!({"sent": true, "autoReplied": true}), "{answer}");
    assert_eq!(reject(&server.session, &group, RAVI).await["data"]["rejectCall"]["sent"], true);
}

#[tokio::test]
async fn only_calls_of_running_own_sessions_can_be_rejected() {
    let server = TestServer::start().await;
    let answer = server.reject("", MEI).await;
    assert_eq!((error_code(&answer), error_field(&answer)), ("validation_error", "callId"));
    let answer = server.reject("A", "nobody").await;
    assert_eq!((error_code(&answer), error_field(&answer)), ("validation_error", "from"));
    let reader = server.create_key("org_1", &["read", "manage", "events"]);
    let reject = json!({"input": {"sessionId": server.session, "callId": "A", "from": MEI}});
    assert_eq!(error_code(&server.query_as(&reader, REJECT_CALL, reject.clone()).await), "forbidden");
    let other = server.create_key("org_2", &[]);
    assert_eq!(error_code(&server.query_as(&other, REJECT_CALL, reject).await), "not_found");
    assert_eq!(error_code(&server.reject("A", MEI).await), "not_found");
    let ringing = server.phone().call("15550111", false, None).await.expect("a call");
    assert_eq!(server.reject_ringing(&ringing, MEI).await["data"]["rejectCall"]["sent"], true);
    server.stop_session().await;
    assert_eq!(error_code(&server.reject(&ringing, MEI).await), "gateway_unavailable");
}
