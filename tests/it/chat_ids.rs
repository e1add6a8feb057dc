//! Chats named by their ids in queries, mutations and subscriptions, even after a merge or a deletion.

use chatgraph_sandbox::{AccountSpec, spec::ContactSpec};
use serde_json::{Value, json};

use crate::support::{
    DELETE_SESSION, MEI, RAVI, Subscription, TestServer, ZOE, ZOE_LID, error_code, error_field, wait_for,
};

const CHAT: &str =
    "query($id: ID, $cid: JID, $session: ID) { chat(id: $id, cid: $cid, sessionId: $session) { id jid pinned } }";
const UPDATE: &str = "mutation($input: UpdateChatInput!) { updateChat(input: $input) { chat { id pinned } } }";
const DELETE: &str = "mutation($input: DeleteChatInput!) { deleteChat(input: $input) { deletedChatId cid } }";
const FOLLOW: &str = "subscription($id: ID, $cid: JID, $after: String) { chatChanges(chatId: $id, cid: $cid, after: $after) \
                      { cursor change { kind chatId mergedIntoId replacesId chat { id lastMessage { text chat { id } } } } } }";

async fn id_of(server: &TestServer, cid: &str) -> String {
    let answer = server.query_with(CHAT, json!({"cid": cid})).await;
    answer["data"]["chat"]["id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

#[tokio::test]
async fn a_chat_is_read_changed_and_deleted_by_its_id() {
    let server = TestServer::start().await;
    let id = id_of(&server, MEI).await;
    assert_eq!(server.query_with(CHAT, json!({"id": id})).await["data"]["chat"]["jid"], MEI);
    let updated = server.query_with(UPDATE, json!({"input": {"id": id, "pinned": true}})).await;
    assert_eq!(updated["data"]["updateChat"]["chat"], json!({"id": id, "pinned": true}), "{updated}");
    server.assert_in_sync().await;
    let deleted = server.query_with(DELETE, json!({"input": {"id": id}})).await;
    assert_eq!(deleted["data"]["deleteChat"], json!({"deletedChatId": id, "cid": MEI}), "{deleted}");
    for (query, variables) in [
        (CHAT, json!({"id": id})),
        (CHAT, json!({"id": "x"})),
        (UPDATE, json!({"input": {"id": id, "pinned": true}})),
        (DELETE, json!({"input": {"id": id}})),
    ] {
        assert_eq!(error_code(&server.query_with(query, variables.clone()).await), "not_found", "{query} {variables}");
    }
    let other = server.create_key("org_2", &[]);
    let ravi = id_of(&server, RAVI).await;
    for (query, variables) in [(CHAT, json!({"id": ravi})), (UPDATE, json!({"input": {"id": ravi, "pinned": true}}))] {
        assert_eq!(error_code(&server.query_as(&other, query, variables).await), "not_found");
    }
}

#[tokio::test]
async fn either_an_id_or_an_address_names_a_chat() {
    let server = TestServer::start().await;
    let id = id_of(&server, MEI).await;
    for (named, field) in [
        (json!({}), "cid"),
        (json!({"id": id, "cid": MEI}), "id"),
        (json!({"id": id, "sessionId": server.session}), "sessionId"),
        (json!({"sessionId": server.session}), "cid"),
    ] {
        for query in [UPDATE, DELETE] {
            let answer = server.query_with(query, json!({"input": named})).await;
            assert_eq!((error_code(&answer), error_field(&answer)), ("validation_error", field), "{named}: {answer}");
        }
        let variables = json!({"id": named["id"], "cid": named["cid"], "session": named["sessionId"]});
        let answer = server.query_with(CHAT, variables).await;
        assert_eq!((error_code(&answer), error_field(&answer)), ("validation_error", field), "{named}: {answer}");
    }
    let mut both = Subscription::open(&server, &server.key, FOLLOW, json!({"id": id, "cid": MEI})).await;
    let told = both.message("error").await["payload"][0]["extensions"].clone();
    assert_eq!((&told["code"], &told["field"]), (&json!("validation_error"), &json!("chatId")));
}

#[tokio::test]
async fn a_subscriber_by_id_follows_the_chat_that_reappears() {
    let server = TestServer::start().await;
    let id = id_of(&server, MEI).await;
    let mut changes = Subscription::start(&server, FOLLOW, json!({"id": id})).await;
    server.query_with(DELETE, json!({"input": {"id": id}})).await;
    server.update_chat(RAVI, "pinned: true").await;
    let gone = changes.next().await;
    assert_eq!((&gone["kind"], &gone["chatId"], &gone["replacesId"]), (&json!("DELETED"), &json!(id), &Value::Null));
    let after = changes.cursor.clone();

    server.phone().receive("15550111", MEI, "Still there?").await.expect("sent");
    let back = changes.next().await;
    assert_eq!((&back["kind"], &back["replacesId"]), (&json!("CREATED"), &json!(id)), "{back}");
    assert_ne!(back["chatId"], json!(id));
    assert_eq!(back["chat"]["lastMessage"]["text"], "Still there?");

    // The old id works in a subscription that resumes from the deletion, but not without a cursor.
    let mut late = Subscription::start(&server, FOLLOW, json!({"id": id, "after": after})).await;
    assert_eq!(late.next().await["chatId"], back["chatId"]);
    for unknown in [id.as_str(), "x"] {
        let mut refused = Subscription::open(&server, &server.key, FOLLOW, json!({"id": unknown})).await;
        assert_eq!(refused.message("error").await["payload"][0]["extensions"]["code"], "not_found");
    }
}

fn account_with_zoe() -> AccountSpec {
    let mut account = crate::support::account("15550100", "Alex Example");
    let (phone, push_name) = ("15550188".to_owned(), Some("zoe".to_owned()));
    account.contacts.push(ContactSpec { phone, push_name, ..ContactSpec::default() });
    account
}

#[tokio::test]
async fn the_id_of_a_merged_chat_leads_to_the_chat_it_was_merged_into() {
    let server = TestServer::builder().account(account_with_zoe()).start().await;
    let mut ids = Vec::new();
    let before = Subscription::start(&server, FOLLOW, json!({})).await.cursor;
    for from in [ZOE, ZOE_LID] {
        server.phone().receive(from, from, "Hello").await.expect("a message");
        let known = async || {
            server.query_with(CHAT, json!({"cid": from})).await["data"]["chat"]["id"].as_str().map(str::to_owned)
        };
        ids.push(wait_for("the chat", known).await);
    }
    let [one, other] = &ids[..] else { panic!("two chats") };
    let mut by_id = Subscription::start(&server, FOLLOW, json!({"id": other})).await;
    server.phone().learn("200000000000188", "15550188", true).await.expect("learned");
    let gone = by_id.next().await;
    assert_eq!((&gone["kind"], &gone["mergedIntoId"]), (&json!("DELETED"), &json!(one)));
    let joined = by_id.next().await;
    assert_eq!(
        (&joined["kind"], &joined["chatId"], &joined["replacesId"]),
        (&json!("UPDATED"), &json!(one), &json!(other))
    );

    let chat = server.query_with(CHAT, json!({"id": other})).await["data"]["chat"].clone();
    assert_eq!((&chat["id"], &chat["jid"]), (&json!(one), &json!(ZOE)));
    let updated = server.query_with(UPDATE, json!({"input": {"id": other, "pinned": true}})).await;
    assert_eq!(updated["data"]["updateChat"]["chat"], json!({"id": one, "pinned": true}), "{updated}");
    assert_eq!(by_id.next().await["chatId"], json!(one));
    Subscription::start(&server, FOLLOW, json!({"id": other})).await;

    // The merged chat is shown without the message, which now belongs to the other chat.
    let mut replay = Subscription::start(&server, FOLLOW, json!({"after": before})).await;
    loop {
        let change = replay.next().await;
        if change["chatId"] == json!(other) && change["chat"] != Value::Null {
            assert_eq!(
                (&change["chat"]["id"], &change["chat"]["lastMessage"]),
                (&json!(other), &Value::Null),
                "{change}"
            );
            break;
        }
    }
    assert_eq!(server.rows("merged_chat").await, 1);
    server.query_with(DELETE_SESSION, json!({"id": server.session})).await;
    wait_for("the note to be swept", async || (server.rows("merged_chat").await == 0).then_some(())).await;
}

#[tokio::test]
async fn a_missing_object_is_an_error_alone_and_null_among_several() {
    let server = TestServer::start().await;
    let gone = json!({"id": "cha_01ARZ3NDEKTSV4RRFFQ69G5FAV"});
    for query in [
        "query($id: ID!) { found: chat(id: $id) { id } }",
        "query($id: ID!) { found: session(id: $id) { id } }",
        "query($id: ID!) { found: node(id: $id) { id } }",
    ] {
        let answer = server.query_with(query, gone.clone()).await;
        assert_eq!((error_code(&answer), &answer["data"]["found"]), ("not_found", &Value::Null), "{query}");
        assert_eq!(answer["errors"][0]["path"], json!(["found"]));
    }
    let several = server.query_with("query($id: ID!) { nodes(ids: [$id]) { id } }", gone).await;
    assert_eq!((&several["errors"], &several["data"]["nodes"]), (&Value::Null, &json!([null])));
}

#[tokio::test]
async fn another_organizations_cursor_is_expired_and_junk_is_invalid() {
    let server = TestServer::start().await;
    let other = server.create_key("org_2", &[]);
    let theirs = Subscription::start(&server, FOLLOW, json!({})).await.cursor;
    for (after, code) in [(theirs.as_str(), "cursor_expired"), ("AAAA", "validation_error"), ("", "validation_error")] {
        let mut refused = Subscription::open(&server, &other, FOLLOW, json!({"after": after})).await;
        assert_eq!(refused.message("error").await["payload"][0]["extensions"]["code"], code, "{after}");
    }
}
