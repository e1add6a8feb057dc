//! Stored responses: the same as executed ones whatever changes, and conditional requests.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_graphql::Request;
use futures_util::future::BoxFuture;
use reqwest::{StatusCode, header};
use tokio::sync::oneshot;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    fixture::Rig,
    rendering::{self, without},
};
use crate::{
    clock::SystemClock,
    domain::{
        capability::Capability,
        chat::Chat,
        clock::Clock as _,
        jid::Jid,
        message::{IncomingMessage, MessageKind, MessageUpdate},
        message_marker::MessageMarker,
        person::Person,
        session::SessionStatus,
        setting::SettingValue,
    },
    graphql::{self, Caller, Executed},
    http::Config,
    service::inbound::{InboundWorker, Notifiers},
    session::{HistoryChat, HistoryChunk, InboundEvent, SessionEvent, SessionKey, UpdatedMessage},
};

const PHONE: &str = "15556660001@s.whatsapp.net";

/// A server whose session receives events.
pub(super) struct Polled {
    rig: Rig,
    caller: Caller,
    chat: Chat,
    events: crate::session::EventSender,
}

impl Polled {
    pub(super) async fn start() -> Self {
        let (rig, caller, chat) = Box::pin(rendering::start()).await;
        let inbox = InboundWorker::new(
            rig.store.store.clone(),
            Notifiers::default(),
            Arc::new(SystemClock),
            TaskTracker::new(),
            CancellationToken::new(),
        );
        let key = SessionKey { organization: rig.store.organization.clone(), session: rig.store.session };
        Self { events: inbox.open(key), rig, caller, chat }
    }

    pub(super) async fn receive(&self, event: SessionEvent) {
        let (committed, stored) = oneshot::channel();
        self.events.send(InboundEvent { event, committed: Some(committed) }).await.expect("the worker runs");
        stored.await.expect("committed");
    }

    async fn call(&self, operation: &str) {
        let response = self.rig.api.execute(&self.caller, Request::new(operation)).await;
        assert!(response.errors.is_empty(), "{operation}: {response:?}");
    }

    /// The response to a query, and whether it was stored before.
    async fn poll(&self, caller: &Caller, query: &str) -> (String, bool) {
        let before = self.rig.api.metrics().cache_counts();
        let response = self.rig.api.respond(caller, self.rig.api.prepare(caller, Request::new(query))).await;
        let after = self.rig.api.metrics().cache_counts();
        (text(&response), after.0 > before.0)
    }

    /// The response of the engine, which is never stored.
    async fn resolved(&self, caller: &Caller, query: &str) -> String {
        graphql::json(&self.rig.api.execute(caller, graphql::by_engine(Request::new(query))).await)
    }

    fn message(&self, wa_id: &str, from_me: bool, at: i64) -> IncomingMessage {
        let jid = self.chat.jid.clone();
        IncomingMessage {
            chat: jid.clone(),
            wa_id: wa_id.into(),
            sender: if from_me { "15550100@s.whatsapp.net".parse().expect("a JID") } else { jid },
            sender_name: Some("Mei".into()),
            from_me,
            kind: MessageKind::Text,
            text: Some(format!("Message {wa_id}")),
            at,
        }
    }

    pub(super) fn setting(&self, value: SettingValue, as_of: i64) -> SessionEvent {
        SessionEvent::Setting { chat: self.chat.jid.clone(), value, as_of, up_to: None, replayed: false }
    }
}

/// Waits until no commit is in progress: its caller has the result before it has ended.
async fn settled(rig: &Rig) {
    while rig.store.store.data_version(&rig.store.organization).is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn text(result: &Executed) -> String {
    match result {
        Executed::Stored(stored) => stored.json().to_string(),
        Executed::Own(response) => graphql::json(response),
    }
}

/// Queries whose responses are stored, with everything that can change in them.
fn queries(polled: &Polled) -> Vec<String> {
    const CHAT: &str = "{ id session { id label status } jid aliases type name archived pinned muted mutedUntil unreadCount \
                        markedUnread lastMessageAt lastMessage { id text edited revoked } revision sync { state pending \
                        refused { field code } } }";
    const SESSION: &str = "{ id label status statusReason jid lid phoneNumber historyImport { percent chats messages } \
                           callAutoReply lastConnectedAt }";
    let (session, jid) = (polled.rig.store.session, &polled.chat.jid);
    vec![
        format!(
            "{{ chats(first: 20) {{ totalCount changeCursor nodes {CHAT} pageInfo {{ endCursor hasNextPage }} }} }}"
        ),
        "{ chats(first: 3, order: INBOX, filter: {includeEmpty: true, archived: false}) { nodes { id name } } }".into(),
        format!("{{ chat(cid: \"{jid}\") {CHAT} }}"),
        format!("{{ chat(cid: \"{jid}\") {{ messages(first: 50) {{ nodes {{ id text edited revoked }} }} }} }}"),
        format!("{{ sessions {{ nodes {SESSION} }} }}"),
        format!("{{ session(id: \"{session}\") {{ label chats(first: 2) {{ nodes {{ name }} }} }} }}"),
    ]
}

/// All that can change under a client, as it happens.
fn happenings<'p>(polled: &'p Polled) -> Vec<(&'static str, BoxFuture<'p, ()>)> {
    let jid = || polled.chat.jid.clone();
    let session = polled.rig.store.session;
    let event = |event: SessionEvent| -> BoxFuture<'p, ()> { Box::pin(polled.receive(event)) };
    let call = |text: String| -> BoxFuture<'p, ()> { Box::pin(async move { polled.call(&text).await }) };
    let rewrite = |wa_id: &str, rewrite: MessageUpdate| {
        let update = UpdatedMessage { chat: jid(), wa_id: wa_id.into(), sender: jid(), from_me: false, rewrite };
        SessionEvent::MessageUpdated(update)
    };
    let update =
        |field: &str| format!("mutation {{ updateChat(input: {{cid: \"{}\", {field}}}) {{ chat {{ id }} }} }}", jid());
    let history = HistoryChunk {
        chats: vec![HistoryChat::with_messages(
            PHONE.parse().expect("a JID"),
            vec![IncomingMessage {
                chat: PHONE.parse().expect("a JID"),
                sender: PHONE.parse().expect("a JID"),
                ..polled.message("H", false, 11_000)
            }],
        )],
        progress: Some(40),
        ..HistoryChunk::default()
    };
    let lid: Jid = "300000000000001@lid".parse().expect("a JID");
    let person = Person { phone: PHONE.parse().expect("a JID"), lid };
    let edit = MessageUpdate::Edit { text: Some("Edited".into()), as_of: 20_000 };
    let up_to = MessageMarker { at: 13_000, wa_ids: vec!["C".into()] };
    vec![
        ("a message", event(SessionEvent::Message(polled.message("A", false, 10_000)))),
        ("another", event(SessionEvent::Message(polled.message("B", false, 12_000)))),
        ("an edit of one that is not the last", event(rewrite("A", edit))),
        ("a revocation", event(rewrite("A", MessageUpdate::Revocation))),
        ("an own message", event(SessionEvent::Message(polled.message("C", true, 13_000)))),
        ("a setting of the phone", event(polled.setting(SettingValue::Archived(true), 30_000))),
        ("its end", event(polled.setting(SettingValue::Archived(false), 31_000))),
        ("a request", call(update("archived: true"))),
        ("a mark", call(update("read: false"))),
        ("a name", event(SessionEvent::ContactNamed { jid: jid(), name: "Another".into() })),
        ("the loss of it", event(SessionEvent::ContactRemoved { jid: jid() })),
        ("a part of a history", event(SessionEvent::History(history))),
        ("an alias", event(SessionEvent::SamePerson { people: vec![person], at: 0 })),
        ("a status", event(SessionEvent::Status { status: SessionStatus::Working, reason: None })),
        (
            "a label",
            call(format!(
                "mutation {{ updateSession(input: {{sessionId: \"{session}\", label: \"New\"}}) {{ session {{ id }} }} }}"
            )),
        ),
        ("clearing", event(SessionEvent::ChatCleared { chat: jid(), up_to, as_of: 40_000, deleted: false })),
        ("a message in the cleared chat", event(SessionEvent::Message(polled.message("D", false, 14_000)))),
        ("deletion", call(format!("mutation {{ deleteChat(input: {{cid: \"{}\"}}) {{ deletedChatId }} }}", jid()))),
        ("its return", event(SessionEvent::Message(polled.message("E", false, 15_000)))),
        ("a session", call("mutation { createSession(input: {label: \"Second\"}) { session { id } } }".into())),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_response_is_the_engines_whatever_changes() {
    let polled = Polled::start().await;
    let queries = queries(&polled);
    let unable = without(&polled.caller, Capability::Read);
    let mut last = vec![String::new(); queries.len()];
    let mut changed = 0;
    for (what, happening) in happenings(&polled) {
        happening.await;
        settled(&polled.rig).await;
        for (query, last) in queries.iter().zip(&mut last) {
            let (first, _) = polled.poll(&polled.caller, query).await;
            let (second, was_stored) = polled.poll(&polled.caller, query).await;
            let resolved = polled.resolved(&polled.caller, query).await;
            assert_eq!([&first, &second], [&resolved; 2], "after {what}: {query}");
            // A chat that does not exist is an error, which is not stored.
            assert_eq!(was_stored, !resolved.contains("\"errors\""), "after {what}: {query}");
            changed += usize::from(first != *last);
            *last = first;
            let (refused, was_stored) = polled.poll(&unable, query).await;
            assert!(refused.contains("forbidden") && !was_stored, "{refused}");
        }
    }
    assert!(changed > 60, "only {changed} responses differed from the previous ones");
}

#[tokio::test]
async fn a_response_is_stored_only_if_it_can_change_by_commits_alone() {
    let polled = Polled::start().await;
    let session = polled.rig.store.session;
    let unstored = [
        "{ viewer { organizationId } }".to_owned(),
        "{ chats(filter: {muted: false}) { nodes { id } } }".to_owned(),
        "{ changeCursor }".to_owned(),
        format!("{{ node(id: \"{session}\") {{ id }} }}"),
        format!("{{ session(id: \"{session}\") {{ pairing {{ qr }} }} }}"),
    ];
    for query in unstored {
        for _ in 0..2 {
            let (response, was_stored) = polled.poll(&polled.caller, &query).await;
            assert!(!was_stored && !response.contains("\"errors\""), "{query}: {response}");
        }
    }
}

#[tokio::test]
async fn a_stored_response_ends_with_a_mute_that_it_shows() {
    let polled = Polled::start().await;
    for query in [
        "{ chats { nodes { muted } } }",
        "{ chats { totalCount nodes { mutedUntil messages(first: 1) { nodes { id } } } } }",
    ] {
        // Long enough for both polls, also on a busy machine.
        let until = SystemClock.now() + 3_000;
        polled.receive(polled.setting(SettingValue::MutedUntil(Some(until)), until)).await;
        settled(&polled.rig).await;
        let (muted, _) = polled.poll(&polled.caller, query).await;
        assert_eq!(polled.poll(&polled.caller, query).await, (muted.clone(), true));
        while SystemClock.now() <= until {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let (later, was_stored) = polled.poll(&polled.caller, query).await;
        assert!(later != muted && !was_stored, "{later}");
        assert_eq!(later, polled.resolved(&polled.caller, query).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_client_sees_each_of_its_writes_while_others_poll() {
    const WRITES: usize = 60;
    let polled = Arc::new(Polled::start().await);
    let query = Arc::new(format!("{{ chat(cid: \"{}\") {{ archived }} }}", polled.chat.jid));
    let is_over = Arc::new(AtomicBool::new(false));
    let polling = TaskTracker::new();
    for _ in 0..3 {
        let (polled, query, is_over) = (Arc::clone(&polled), Arc::clone(&query), Arc::clone(&is_over));
        polling.spawn(async move {
            while !is_over.load(Ordering::Relaxed) {
                polled.poll(&polled.caller, &query).await;
            }
        });
    }
    for number in 0..WRITES {
        let archived = number % 2 == 0;
        polled
            .call(&format!(
                "mutation {{ updateChat(input: {{cid: \"{}\", archived: {archived}}}) {{ chat {{ id }} }} }}",
                polled.chat.jid
            ))
            .await;
        for _ in 0..3 {
            let (response, _) = polled.poll(&polled.caller, &query).await;
            assert_eq!(response, format!("{{\"data\":{{\"chat\":{{\"archived\":{archived}}}}}}}"), "write {number}");
        }
    }
    is_over.store(true, Ordering::Relaxed);
    polling.close();
    polling.wait().await;
    let (hits, _) = polled.rig.api.metrics().cache_counts();
    assert!(hits > 50, "only {hits} responses were stored ones");
}

#[tokio::test]
async fn responses_are_not_stored_if_the_cache_is_disabled_or_too_small() {
    for response_cache_mib in [0, 1] {
        let api = graphql::Config { response_cache_mib, max_cost: 1_000_000, ..graphql::Config::default() };
        let rig = Rig::with_api(Config::default(), &api).await;
        rig.changes(300).await;
        let caller = rig.caller().await;
        settled(&rig).await;
        // Longer than an eighth of a MiB.
        let fields: Vec<_> = (0..28).map(|number| format!("a{number}: id")).collect();
        let long = format!("{{ chats(first: 200) {{ nodes {{ {} }} }} }}", fields.join(" "));
        for (query, is_long) in [(long.as_str(), true), ("{ chats { nodes { id } } }", false)] {
            for turn in 0..2 {
                let before = rig.api.metrics().cache_counts().0;
                let response = rig.api.respond(&caller, rig.api.prepare(&caller, Request::new(query))).await;
                let text = text(&response);
                assert!(!text.contains("\"errors\""), "{text}");
                assert_eq!(text.len() > 128 * 1024, is_long);
                let expected = turn == 1 && response_cache_mib == 1 && !is_long;
                assert_eq!(rig.api.metrics().cache_counts().0 > before, expected, "{} bytes", text.len());
            }
        }
    }
}

#[tokio::test]
async fn a_query_by_get_has_an_entity_tag_until_its_response_changes() {
    const QUERY: &str = "{ chats { nodes { id } } }";
    let rig = Rig::start(Config::default()).await;
    rig.changes(1).await;
    let get = async |accept: &str, query: &str, known: &[&str]| {
        let url = reqwest::Url::parse_with_params(&rig.url(), [("query", query)]).expect("a URL");
        let mut request = reqwest::Client::new().get(url).bearer_auth(&rig.key).header("Accept", accept);
        for tag in known {
            request = request.header(header::IF_NONE_MATCH, *tag);
        }
        let response = request.send().await.expect("a response");
        let field = |name: header::HeaderName| {
            response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
        };
        let (tag, caching) = (field(header::ETAG), field(header::CACHE_CONTROL));
        (response.status(), tag, caching, response.text().await.expect("a body"))
    };
    // Clients like urql accept a stream in every request, and get it for a subscription alone.
    let (accept, or_stream) = ("application/json", "application/json, text/event-stream, multipart/mixed");
    let (status, tag, caching, body) = get(accept, QUERY, &[]).await;
    assert_eq!((status, caching.as_str()), (StatusCode::OK, "private, no-cache"));
    assert!(tag.starts_with("W/\"") && body.contains("nodes"), "{tag} {body}");
    for known in [&[tag.as_str()][..], &["\"other\"", &tag], &[&format!("\"other\", {tag}")], &["*"]] {
        let (status, same, caching, body) = get(accept, QUERY, known).await;
        assert_eq!((status, &same, body.as_str()), (StatusCode::NOT_MODIFIED, &tag, ""), "{known:?}");
        assert_eq!(caching, "private, no-cache");
    }
    assert_eq!(get(accept, QUERY, &["\"other\""]).await.0, StatusCode::OK);
    let hits = rig.api.metrics().cache_counts().0;
    assert_eq!(get(or_stream, QUERY, &[&tag]).await.0, StatusCode::NOT_MODIFIED);
    assert!(rig.api.metrics().cache_counts().0 > hits, "executed again");
    rig.store.add_chat(7, 5).await;
    let (status, later, _, body) = get(accept, QUERY, &[&tag]).await;
    assert!(status == StatusCode::OK && later != tag && body.contains("nodes"), "{status} {later}");
    // Errors, and responses that can change without a commit, have none.
    let unstored = [
        "{ chat(cid: \"15559999999@s.whatsapp.net\") { id } }",
        "{ chats(filter: {muted: false}) { nodes { id } } }",
        "{ sessions { nodes { pairing { qr } } } }",
        "{ viewer { organizationId } }",
        "{",
    ];
    for query in unstored {
        let (_, tag, caching, _) = get(accept, query, &["*"]).await;
        assert_eq!((tag.as_str(), caching.as_str()), ("", "no-store"), "{query}");
    }
}
