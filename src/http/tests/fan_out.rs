//! Events that several subscribers share: executed once, delivered to each, and the same as the engine's.

use std::{sync::Arc, time::Duration};

use async_graphql::{Request, Variables};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    fixture::{NEWER, OLDER, PATIENCE, Rig, code},
    rendering::{self, Choices, Types},
};
use crate::{
    auth::viewer::Viewer,
    domain::{capability::Capability, chat::Chat},
    graphql::{self, Answer, AnswerSlots, Caller, Operation},
    http::Config,
};

const CHANGES: &str = "subscription($after: String, $session: ID) { chatChanges(after: $after, sessionId: $session) { \
                       cursor change { cid } } }";

/// A subscriber that reads as a transport does.
pub(super) struct Reader(Operation);

impl Reader {
    fn start(rig: &Rig, caller: &Caller, request: Request) -> Self {
        Self(rig.api.start(caller.clone(), rig.api.prepare(caller, request), &AnswerSlots::new(1)))
    }

    /// Starts a subscription that has received its first event, and shares the next ones.
    pub(super) async fn sharing(rig: &Rig, caller: &Caller, request: Request) -> Self {
        let mut reader = Self::start(rig, caller, request);
        reader.answer().await;
        assert!(reader.0.join_shared());
        reader
    }

    async fn answer(&mut self) -> Answer {
        timeout(PATIENCE, self.0.next()).await.expect("an answer in time").expect("an answer")
    }

    pub(super) async fn text(&mut self) -> String {
        let answer = self.answer().await;
        let text = answer.json().into_owned();
        drop(answer);
        self.0.join_shared();
        text
    }

    /// The addresses of the next changed chats.
    async fn cids(&mut self, count: usize) -> Vec<Value> {
        let mut cids = Vec::new();
        while cids.len() < count {
            let answer: Value = serde_json::from_str(&self.text().await).expect("JSON");
            let change = &answer["data"]["chatChanges"]["change"];
            assert_eq!(answer["errors"], Value::Null, "{answer}");
            if change.is_object() {
                cids.push(change["cid"].clone());
            }
        }
        cids
    }
}

pub(super) fn request(query: &str, variables: Value) -> Request {
    Request::new(query).variables(Variables::from_json(variables))
}

/// Changes the chat once.
pub(super) async fn archive(rig: &Rig, caller: &Caller, chat: &Chat, archived: bool) {
    let update = format!("updateChat(input: {{cid: \"{}\", archived: {archived}}}) {{ __typename }}", chat.jid);
    let response = rig.api.execute(caller, Request::new(format!("mutation {{ {update} }}"))).await;
    assert!(response.errors.is_empty(), "{response:?}");
}

async fn unlimited() -> Rig {
    let api = graphql::Config { rate_limit_cost_per_minute: 0, ..graphql::Config::default() };
    Rig::with_api(Config::default(), &api).await
}

/// The cids of all changes, in order.
async fn logged(rig: &Rig) -> Vec<Value> {
    rig.store.log().await.iter().map(|change| json!(change.cid.to_string())).collect()
}

#[tokio::test]
async fn an_event_is_executed_once_for_a_thousand_subscribers() {
    let rig = unlimited().await;
    let caller = rig.caller().await;
    let subscribing = (0..1_000).map(|_| Reader::sharing(&rig, &caller, request(CHANGES, json!({}))));
    let mut readers = join_all(subscribing).await;
    let before = rig.api.metrics().event_counts();
    rig.changes(1).await;
    let texts = join_all(readers.iter_mut().map(Reader::text)).await;
    assert!(texts[0].contains("\"cid\":\"") && texts.iter().all(|text| *text == texts[0]), "{}", texts[0]);
    let (executed, delivered) = rig.api.metrics().event_counts();
    assert_eq!((executed - before.0, delivered - before.1), (1, 1_000));
}

#[tokio::test]
async fn shared_events_are_the_engines_byte_for_byte() {
    let (rig, caller, chat) = Box::pin(rendering::start()).await;
    let (types, mut archived) = (Types::of_schema(), false);
    for seed in 0..40 {
        let mut choices = Choices(seed * 104_729);
        for capability in [Capability::Manage, Capability::Read] {
            let viewer = rendering::without(&caller, capability);
            let selection = types.selection("ChatChange", 2, &mut choices);
            let document = format!("subscription {{ chatChanges {{ cursor change {selection} }} }}");
            let mut shared = Reader::sharing(&rig, &viewer, Request::new(&document)).await;
            let mut others = Reader::start(&rig, &viewer, graphql::by_engine(Request::new(&document)));
            others.answer().await;
            for _ in 0..2 {
                archived = !archived;
                archive(&rig, &caller, &chat, archived).await;
                let answer = shared.answer().await;
                assert!(matches!(answer, Answer::Shared(_)), "{document}");
                assert_eq!(answer.json(), others.text().await, "{document}");
            }
        }
    }
}

#[tokio::test]
async fn only_equal_subscriptions_of_equal_viewers_share_events() {
    let rig = unlimited().await;
    let caller = rig.caller().await;
    let (session, after) = (rig.store.session.to_string(), rig.beginning());
    let reads_less = rendering::without(&caller, Capability::Read);
    let organization = Some("org_2".parse().expect("an id"));
    let viewer = Arc::new(Viewer { organization, ..(*caller.viewer).clone() });
    let elsewhere = Caller { viewer, request_id: Arc::clone(&caller.request_id) };
    let aliased = "subscription { chatChanges { cursor change { id: cid } } }";
    let subscriptions = [
        // These share their events: they differ in `after` only.
        (&caller, request(CHANGES, json!({}))),
        (&caller, request(CHANGES, json!({"after": after}))),
        (&caller, request(CHANGES, json!({"after": null}))),
        (&caller, request(CHANGES, json!({"session": session}))),
        (&reads_less, request(CHANGES, json!({}))),
        (&caller, Request::new(aliased)),
        (&elsewhere, request(CHANGES, json!({}))),
    ];
    let subscribing = subscriptions.into_iter().map(|(caller, request)| Reader::sharing(&rig, caller, request));
    let mut readers = join_all(subscribing).await;
    let mut of_another_organization = readers.pop().expect("the last");
    let before = rig.api.metrics().event_counts();
    rig.changes(1).await;
    let texts = join_all(readers.iter_mut().map(Reader::text)).await;
    assert!(texts.iter().all(|text| text.contains("@s.whatsapp.net")), "{texts:?}");
    let (executed, delivered) = rig.api.metrics().event_counts();
    assert_eq!((executed - before.0, delivered - before.1), (4, 6));
    let silent = timeout(Duration::from_millis(100), of_another_organization.answer()).await;
    assert!(silent.is_err(), "an event of another organization");
}

#[tokio::test]
async fn a_subscription_to_one_chat_shares_nothing() {
    let rig = unlimited().await;
    let (caller, chat) = (rig.caller().await, rig.store.add_chat(1, 1).await);
    let query = "subscription($cid: JID, $id: ID) { chatChanges(cid: $cid, chatId: $id) { cursor change { cid } } }";
    for (variables, shares) in [
        (json!({"cid": chat.jid.to_string()}), false),
        (json!({"id": chat.id.to_string()}), false),
        (json!({"cid": null}), true),
        (json!({}), true),
    ] {
        let mut reader = Reader::start(&rig, &caller, request(query, variables.clone()));
        reader.answer().await;
        assert_eq!(reader.0.join_shared(), shares, "{variables}");
    }
}

#[tokio::test]
async fn subscribers_that_join_while_changes_are_made_get_each_once_in_order() {
    const ALL: usize = 200;
    let rig = unlimited().await;
    let caller = rig.caller().await;
    let after = json!({"after": rig.beginning()});
    let writing = async {
        for user in 0..ALL {
            rig.store.add_chat(user, 1).await;
        }
    };
    let reading = join_all((0..20u64).map(|number| {
        let (rig, caller, after) = (&rig, &caller, after.clone());
        async move {
            tokio::time::sleep(Duration::from_millis(number * 10)).await;
            Reader::start(rig, caller, request(CHANGES, after)).cids(ALL).await
        }
    }));
    let ((), all) = tokio::join!(writing, reading);
    let logged = logged(&rig).await;
    for cids in all {
        assert_eq!(cids, logged);
    }
    let (executed, delivered) = rig.api.metrics().event_counts();
    assert!(executed < delivered, "{executed} of {delivered} events were executed, so none was shared");
}

#[tokio::test]
async fn a_slow_subscriber_continues_alone_and_misses_nothing() {
    const ALL: usize = 100;
    let rig = unlimited().await;
    let caller = rig.caller().await;
    let many = (0..20).map(|number| format!("c{number}: cid")).collect::<Vec<_>>().join(" ");
    let query = format!("subscription {{ chatChanges {{ cursor change {{ cid {many} }} }} }}");
    let mut fast = Reader::sharing(&rig, &caller, Request::new(&query)).await;
    let mut slow = Reader::sharing(&rig, &caller, Request::new(&query)).await;
    for user in 0..ALL {
        rig.store.add_chat(user, 1).await;
        fast.cids(1).await;
    }
    let mut own = 0;
    let mut cids = Vec::new();
    while cids.len() < ALL {
        let answer = slow.answer().await;
        own += usize::from(matches!(answer, Answer::Own(..)));
        let json: Value = serde_json::from_str(&answer.json()).expect("JSON");
        cids.push(json["data"]["chatChanges"]["change"]["cid"].clone());
        drop(answer);
        slow.0.join_shared();
    }
    assert_eq!(cids, logged(&rig).await);
    assert!((1..ALL).contains(&own), "{own} of {ALL} events were its own");
}

#[tokio::test]
async fn subscribers_that_do_not_read_cause_little_work() {
    const ALL: usize = 50;
    let rig = unlimited().await;
    let caller = rig.caller().await;
    let _first = Reader::sharing(&rig, &caller, request(CHANGES, json!({}))).await;
    let mut second = Reader::sharing(&rig, &caller, request(CHANGES, json!({}))).await;
    let before = rig.api.metrics().event_counts();
    rig.changes(ALL).await;
    // Another subscriber receives all of them on its own, so the leader had time for them, too.
    let mut alone =
        Reader::start(&rig, &caller, graphql::by_engine(request(CHANGES, json!({"after": rig.beginning()}))));
    alone.cids(ALL).await;
    let executed = rig.api.metrics().event_counts().0 - before.0;
    // Those of the other one, with its first event.
    let ahead = executed - ALL as u64 - 1;
    assert!(ahead < 20, "{ahead} events were executed for subscribers that do not read");
    assert_eq!(second.cids(ALL).await, logged(&rig).await);
}

/// Waits until this number of events was executed.
async fn executed(rig: &Rig, number: u64) {
    let counting = async {
        while rig.api.metrics().event_counts().0 < number {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, counting).await.expect("executed in time");
}

#[tokio::test]
async fn a_subscriber_does_not_wait_for_events_that_others_do_not_read() {
    let rig = unlimited().await;
    let caller = rig.caller().await;
    let idle = Reader::sharing(&rig, &caller, request(CHANGES, json!({}))).await;
    let before = rig.api.metrics().event_counts().0;
    rig.changes(12).await;
    // The leader is as far ahead as it may be.
    executed(&rig, before + 8).await;
    let mut live = Reader::sharing(&rig, &caller, request(CHANGES, json!({}))).await;
    drop(idle);
    rig.changes(1).await;
    let answer = live.answer().await;
    assert!(matches!(answer, Answer::Shared(_)));
    let json: Value = serde_json::from_str(&answer.json()).expect("JSON");
    // The leader was behind it, and executed some events that it does not need.
    assert_eq!(json["data"]["chatChanges"]["change"]["cid"], *logged(&rig).await.last().expect("a change"));
}

#[tokio::test]
async fn a_subscriber_that_resumes_far_behind_leads_no_one() {
    const MISSED: usize = 300;
    let rig = unlimited().await;
    let caller = rig.caller().await;
    let after = json!({"after": rig.beginning()});
    rig.changes(MISSED).await;
    let mut behind = Reader::start(&rig, &caller, request(CHANGES, after));
    behind.answer().await;
    assert!(!behind.0.join_shared());
    let mut live = Reader::sharing(&rig, &caller, request(CHANGES, json!({}))).await;
    let before = rig.api.metrics().event_counts().0;
    rig.changes(1).await;
    live.cids(1).await;
    assert_eq!(rig.api.metrics().event_counts().0 - before, 1);
    assert_eq!(behind.cids(MISSED + 1).await, logged(&rig).await);
}

#[tokio::test]
async fn a_failure_over_a_socket_does_not_repeat_itself() {
    let query = "subscription { chatChanges { cursor change { chat { muted } } } }";
    let rig = Rig::start(Config::default()).await;
    let mut sockets = [rig.enter(NEWER).await, rig.enter(NEWER).await];
    for socket in &mut sockets {
        socket.send_json(&json!({"type": "subscribe", "id": "a", "payload": {"query": query}})).await;
        socket.next_message().await;
    }
    let before = rig.api.metrics().event_counts().0;
    rig.clock.break_down();
    rig.changes(1).await;
    for socket in &mut sockets {
        let message = socket.next_message().await;
        assert!(message.to_string().contains("\"internal\""), "{message}");
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let executed = rig.api.metrics().event_counts().0 - before;
    assert!(executed <= 4, "{executed} executions");
}

#[tokio::test]
async fn the_others_continue_when_the_first_subscriber_leaves() {
    let rig = unlimited().await;
    let caller = rig.caller().await;
    let first = Reader::sharing(&rig, &caller, request(CHANGES, json!({}))).await;
    let mut second = Reader::sharing(&rig, &caller, request(CHANGES, json!({}))).await;
    rig.changes(1).await;
    second.cids(1).await;
    drop(first);
    rig.changes(1).await;
    second.cids(1).await;
    drop(second);
    let mut third = Reader::sharing(&rig, &caller, request(CHANGES, json!({}))).await;
    rig.changes(1).await;
    third.cids(1).await;
}

#[tokio::test]
async fn a_failure_is_reported_to_each_subscriber_with_its_own_request() {
    let rig = unlimited().await;
    let caller = rig.caller().await;
    let query = "subscription { chatChanges { cursor change { chat { muted } } } }";
    let mut readers = Vec::new();
    for number in 0..3 {
        let caller = Caller { viewer: Arc::clone(&caller.viewer), request_id: format!("req_{number}").into() };
        readers.push(Reader::sharing(&rig, &caller, Request::new(query)).await);
    }
    // Writing the chat reads it.
    rig.clock.break_down();
    rig.changes(1).await;
    for (number, reader) in readers.iter_mut().enumerate() {
        let answer: Value = serde_json::from_str(&reader.text().await).expect("JSON");
        assert_eq!(code(&answer["errors"]), "internal", "{answer}");
        assert_eq!(answer["errors"][0]["extensions"]["requestId"], format!("req_{number}"), "{answer}");
    }
}

#[tokio::test]
async fn shared_messages_differ_in_the_id_of_their_operation_only() {
    for (protocol, start, kind) in [(NEWER, "subscribe", "next"), (OLDER, "start", "data")] {
        let rig = Rig::start(Config::default()).await;
        let mut sockets = [rig.enter(protocol).await, rig.enter(protocol).await];
        for (socket, id) in sockets.iter_mut().zip(["a", "b\""]) {
            for id in [id, "other"] {
                socket.send_json(&json!({"type": start, "id": id, "payload": {"query": CHANGES}})).await;
                socket.next_message().await;
            }
        }
        rig.changes(1).await;
        let mut payloads = Vec::new();
        for (socket, own) in sockets.iter_mut().zip(["a", "b\""]) {
            let mut ids = Vec::new();
            for _ in 0..2 {
                let message = socket.next_message().await;
                assert_eq!(message["type"], kind, "{message}");
                ids.push(message["id"].as_str().expect("an id").to_owned());
                payloads.push(message["payload"].clone());
            }
            ids.sort();
            assert_eq!(ids, [own, "other"]);
        }
        assert!(payloads[0]["data"]["chatChanges"]["change"].is_object(), "{payloads:?}");
        assert!(payloads.iter().all(|payload| *payload == payloads[0]), "{payloads:?}");
        // A stopped subscription receives nothing more; the other one of the socket does.
        let stop = if protocol == NEWER { "complete" } else { "stop" };
        sockets[0].send_json(&json!({"type": stop, "id": "a"})).await;
        if protocol == OLDER {
            assert_eq!(sockets[0].next_message().await["type"], "complete");
        }
        rig.changes(1).await;
        assert_eq!(sockets[0].next_message().await["id"], "other");
        let seen = timeout(Duration::from_millis(100), sockets[0].next_message()).await;
        assert!(seen.is_err(), "{seen:?}");
    }
}
