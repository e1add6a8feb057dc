//! Revisions of chats: of two answers about a chat, the one with the greater revision is later, whatever their order of
//! arrival.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::support::{BOOKS, MEI, RAVI, Subscription, TestServer, postgres, update_chat_mutation};

const SHOWN: &str = "id revision jid aliases name archived pinned mutedUntil unreadCount markedUnread lastMessageAt \
                     sync { state pending refused { field code } }";

/// Contents of chats that were received, by id and revision.
#[derive(Default)]
struct Seen(BTreeMap<(String, i64), Value>);

impl Seen {
    /// Adds an answer about a chat, and asserts that no other content has its revision.
    fn take(&mut self, chat: &Value) -> i64 {
        let mut content = chat.clone();
        let revision = content["revision"].take().as_i64().expect("a revision");
        let key = (content["id"].as_str().expect("an id").to_owned(), revision);
        let known = self.0.entry(key).or_insert_with(|| content.clone());
        assert_eq!(*known, content, "two contents with revision {revision}");
        revision
    }

    fn add(&mut self, chat: &Value) {
        self.take(chat);
    }
}

fn follow() -> String {
    format!(
        "subscription($after: String) {{ chatChanges(after: $after) {{ cursor change {{ kind chatId chat {{ {SHOWN} }} }} }} }}"
    )
}

async fn chats(server: &TestServer) -> Vec<Value> {
    let list = format!("{{ chats(filter: {{includeEmpty: true}}) {{ nodes {{ {SHOWN} }} }} }}");
    let answer = server.query(&list).await;
    answer["data"]["chats"]["nodes"].as_array().unwrap_or_else(|| panic!("{answer}")).clone()
}

async fn update(server: &TestServer, cid: &str, fields: &str) -> Value {
    let answer = server.query(&update_chat_mutation(cid, fields, SHOWN)).await;
    assert_eq!(answer["errors"], Value::Null, "{answer}");
    answer["data"]["updateChat"]["chat"].clone()
}

#[tokio::test]
async fn each_state_of_a_chat_has_its_own_growing_revision() {
    let server = TestServer::start().await;
    let changes = Subscription::start(&server, &follow(), json!({})).await;
    let (start, mut seen, before) = (changes.cursor.clone(), Seen::default(), revisions(&server).await);
    let mut state = 7_u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for step in 0..60 {
        let cid = [MEI, RAVI, BOOKS][usize::try_from(random(3)).expect("small")];
        let flag = random(2) == 0;
        match random(6) {
            0 => seen.add(&update(&server, cid, &format!("archived: {flag}")).await),
            1 => seen.add(&update(&server, cid, &format!("read: {flag}")).await),
            2 => seen.add(&update(&server, cid, "mutedUntil: 253402300799999").await),
            3 => server.phone().mute(cid, None).await.expect("unmuted"),
            4 => server.phone().mark_read(cid, flag).await.expect("read"),
            _ => {
                let from = if cid == RAVI { "15550112" } else { "15550111" };
                server.phone().receive(from, cid, &format!("Message {step}")).await.expect("sent");
            }
        }
        if random(3) == 0 {
            chats(&server).await.iter().for_each(|chat| seen.add(chat));
        }
    }
    server.assert_in_sync().await;
    let mut expected = revisions(&server).await;
    expected.retain(|id, revision| before.get(id) != Some(revision));

    // Replay all changes from the beginning.
    let mut replay = Subscription::start(&server, &follow(), json!({"after": start})).await;
    let mut latest = BTreeMap::<String, i64>::new();
    while latest != expected {
        let change = replay.next().await;
        let revision = seen.take(&change["chat"]);
        let last = latest.insert(change["chatId"].to_string(), revision);
        assert!(last.is_none_or(|last| last < revision), "{last:?} before {change}");
    }
    assert!(latest.len() == 3 && seen.0.len() > 20, "too few changes: {latest:?}");
    chats(&server).await.iter().for_each(|chat| seen.add(chat));
}

#[tokio::test]
async fn response_and_event_of_a_change_share_its_revision() {
    let server = TestServer::start().await;
    let mut changes = Subscription::start(&server, &follow(), json!({})).await;
    let answer = update(&server, MEI, "pinned: true").await;
    let asked = changes.next().await["chat"].clone();
    assert_eq!((&asked["revision"], &asked["sync"]["state"]), (&answer["revision"], &json!("PENDING")));
    let arrived = changes.next().await["chat"].clone();
    assert_eq!(arrived["sync"]["state"], "SYNCED");
    assert!(arrived["revision"].as_i64() > asked["revision"].as_i64(), "{arrived} after {asked}");
    // An update without effect keeps the revision.
    let unchanged = update(&server, MEI, "pinned: true").await;
    assert_eq!(unchanged["revision"], arrived["revision"]);
}

#[tokio::test]
async fn revisions_keep_growing_after_restart_and_restore() {
    let mut server = TestServer::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("copy.db");
    let copy = copy.to_str().expect("text");
    let on_sqlite = postgres().is_none();
    if on_sqlite {
        assert!(server.command(&["backup", copy]).status.success());
    }
    for fields in ["pinned: true", "pinned: false", "read: false"] {
        update(&server, MEI, fields).await;
    }
    server.assert_in_sync().await;
    let before = revisions(&server).await;
    server.restart();
    server.assert_in_sync().await;
    for (id, revision) in revisions(&server).await {
        assert!(revision >= before[&id], "{id} after the restart");
    }

    let before = revisions(&server).await;
    server.kill();
    let restored = if on_sqlite {
        server.command(&["restore", copy, "--overwrite"])
    } else {
        server.command(&["migrate", "restored"])
    };
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    server.restart();
    for (id, revision) in revisions(&server).await {
        assert!(revision > before[&id], "{id} after the restore: {revision} is not above {}", before[&id]);
        assert!(revision < 1 << 53, "the revision is not a JSON number");
    }
}

async fn revisions(server: &TestServer) -> BTreeMap<String, i64> {
    let of = |chat: &Value| (chat["id"].to_string(), chat["revision"].as_i64().expect("a revision"));
    chats(server).await.iter().map(of).collect()
}

#[tokio::test]
async fn the_change_cursor_is_read_before_the_rest_of_its_query() {
    let server = TestServer::start().await;
    let writer = async {
        for round in 0..40 {
            update(&server, RAVI, &format!("archived: {}", round % 2 == 0)).await;
        }
    };
    let reader = async {
        let query = "{ a: chats(first: 1) { changeCursor } place: changeCursor b: chats(first: 1) { changeCursor } }";
        let mut places = Vec::new();
        for _ in 0..60 {
            let data = server.query(query).await["data"].clone();
            let place = number(&data["place"]);
            assert!(place <= number(&data["a"]["changeCursor"]).min(number(&data["b"]["changeCursor"])), "{data}");
            places.push(data["place"].clone());
        }
        places
    };
    let (places, ()) = tokio::join!(reader, writer);
    assert!(number(&places[0]) < number(&places[59]), "no chat was changed meanwhile");
    let mut changes = Subscription::start(&server, &follow(), json!({"after": places[0]})).await;
    assert_eq!(changes.next().await["kind"], "UPDATED");
}

/// Returns the number of the change in a cursor.
fn number(cursor: &Value) -> i64 {
    let bytes = URL_SAFE_NO_PAD.decode(cursor.as_str().expect("a cursor")).expect("base64");
    i64::from_be_bytes(bytes[bytes.len() - 8..].try_into().expect("eight bytes"))
}
