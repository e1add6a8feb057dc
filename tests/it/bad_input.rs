//! Invalid requests: each gets its error code, names its field, and changes nothing.

use serde_json::{Value, json};

use crate::support::{CHANGE_CURSOR, MEI, TestServer, account, error_code, error_field};

/// A request, its variables, and the code and field of its only error.
type Case<'a> = (&'a str, Value, &'a str, &'a str);

/// Sends each request, and compares the stored data before and after.
async fn refused(server: &TestServer, cases: &[Case<'_>]) {
    let before = stored(server).await;
    for (query, variables, code, field) in cases {
        let answer = server.query_with(query, variables.clone()).await;
        assert_eq!((error_code(&answer), error_field(&answer)), (*code, *field), "{query} {variables}: {answer}");
    }
    assert_eq!(stored(server).await, before);
}

async fn stored(server: &TestServer) -> Value {
    let query = "{ sessions { nodes { id label status } } chats(filter: {includeEmpty: true}) { totalCount changeCursor \
                 nodes { id name archived pinned mutedUntil unreadCount markedUnread lastMessageAt sync { state } } } }";
    server.query(query).await["data"].clone()
}

/// Returns the last cursor of a list.
async fn cursor(server: &TestServer, list: &str) -> Value {
    let answer = server.query(&format!("{{ {list} {{ pageInfo {{ endCursor }} }} }}")).await;
    let name = list.split('(').next().expect("a name");
    let cursor = answer["data"][name]["pageInfo"]["endCursor"].clone();
    assert!(cursor.is_string(), "{list}: {answer}");
    cursor
}

#[tokio::test]
async fn an_invalid_page_or_filter_is_rejected() {
    let server = TestServer::start().await;
    let chats = "query($f: ChatFilter, $o: ChatOrder, $n: Int, $m: Int) { chats(filter: $f, order: $o, first: $n, last: $m) { nodes { id } } }";
    let wrong = "validation_error";
    let mut cases = vec![
        (chats, json!({"n": 0}), wrong, "first"),
        (chats, json!({"n": -1}), wrong, "first"),
        (chats, json!({"n": 1_000}), wrong, "first"),
        (chats, json!({"n": 1.5}), wrong, "first"),
        (chats, json!({"m": 0}), wrong, "last"),
        (chats, json!({"m": 1_000}), wrong, "last"),
        (chats, json!({"n": 1, "m": 1}), wrong, "last"),
        (chats, json!({"o": "LOUDEST"}), wrong, "order"),
        (chats, json!({"f": {"search": "é".repeat(101)}}), wrong, "search"),
        (chats, json!({"f": {"search": 1}}), wrong, "search"),
        (chats, json!({"f": {"type": ["LOUD"]}}), wrong, "type"),
        (chats, json!({"f": {"type": [null]}}), wrong, "type"),
        (chats, json!({"f": {"archived": "yes"}}), wrong, "archived"),
        (chats, json!({"f": {"activeAfter": -1}}), wrong, "activeAfter"),
        (chats, json!({"f": {"activeBefore": 1.5}}), wrong, "activeBefore"),
        (chats, json!({"f": {"colour": "red"}}), wrong, "colour"),
        ("{ chats(first: 0) { nodes { id } } }", json!({}), wrong, "first"),
        ("{ chats(order: LOUDEST) { nodes { id } } }", json!({}), wrong, "order"),
    ];
    for list in ["sessions(first: $n, last: $m)", "chat(cid: $c) { messages(first: $n, last: $m)"] {
        let (open, close) =
            if list.starts_with("chat") { ("($n: Int, $m: Int, $c: JID!)", "}") } else { ("($n: Int, $m: Int)", "") };
        let query: &'static str = format!("query{open} {{ {list} {{ nodes {{ id }} }} {close} }}").leak();
        cases.push((query, json!({"n": 0, "c": MEI}), wrong, "first"));
        cases.push((query, json!({"m": 201, "c": MEI}), wrong, "last"));
        cases.push((query, json!({"n": 1, "m": 1, "c": MEI}), wrong, "last"));
    }
    refused(&server, &cases).await;
    server.assert_in_sync().await;
}

#[tokio::test]
async fn a_cursor_of_another_list_is_rejected_in_either_direction() {
    let server = TestServer::start().await;
    let of_session = format!("chats(sessionId: \"{}\")", server.session);
    let other = server.create_key("org_2", &[]);
    for list in [
        "chats(order: INBOX)",
        "chats(filter: {archived: false})",
        "chats(filter: {search: \"e\"})",
        "chats(filter: {includeEmpty: true})",
        "sessions",
        &of_session,
    ] {
        let cursor = cursor(&server, list).await;
        let after = "query($c: String) { chats(after: $c) { nodes { id } } }";
        let before = "query($c: String) { chats(last: 5, before: $c) { nodes { id } } }";
        for (query, field) in [(after, "after"), (before, "before")] {
            refused(&server, &[(query, json!({"c": cursor}), "validation_error", field)]).await;
        }
        // The list itself accepts its cursor.
        let own = if list.ends_with(')') { list.replace('(', "(before: $c, ") } else { format!("{list}(before: $c)") };
        let answer = server
            .query_with(&format!("query($c: String) {{ {own} {{ nodes {{ id }} }} }}"), json!({"c": cursor}))
            .await;
        assert_eq!(answer["errors"], Value::Null, "{own}: {answer}");
        let query = format!("query($c: String) {{ {} {{ nodes {{ id }} }} }}", own.replace(&server.session, "none"));
        let foreign =
            server.query_as(&other, &query.replace("sessionId: \"none\"", "first: null"), json!({"c": cursor})).await;
        assert_eq!((error_code(&foreign), error_field(&foreign)), ("validation_error", "before"), "{foreign}");
    }
    let chats = cursor(&server, "chats").await;
    let both = "query($c: String) { chats(first: 1, before: $c) { nodes { id } } }";
    let mixed = "query($c: String) { chats(last: 1, after: $c) { nodes { id } } }";
    let changes = server.query(CHANGE_CURSOR).await["data"]["chats"]["changeCursor"].clone();
    let after = "query($c: String) { chats(after: $c) { nodes { id } } }";
    refused(
        &server,
        &[
            (both, json!({"c": chats}), "validation_error", "before"),
            (mixed, json!({"c": chats}), "validation_error", "after"),
            (after, json!({"c": changes}), "validation_error", "after"),
            (after, json!({"c": "nonsense"}), "validation_error", "after"),
            (after, json!({"c": ""}), "validation_error", "after"),
            (after, json!({"c": "A".repeat(100_000)}), "validation_error", "after"),
        ],
    )
    .await;
    server.assert_in_sync().await;
}

#[tokio::test]
async fn an_invalid_address_or_id_is_rejected() {
    let server = TestServer::start().await;
    let chat = server.chat(MEI).await["id"].clone();
    let message = "{ chat(cid: \"15550111@s.whatsapp.net\") { lastMessage { id } } }";
    let message = server.query(message).await["data"]["chat"]["lastMessage"]["id"].clone();
    let (one, list) = (
        "query($c: JID!, $s: ID) { chat(cid: $c, sessionId: $s) { id } }",
        "query($s: ID) { chats(sessionId: $s) { nodes { id } } }",
    );
    let session = "query($s: ID!) { session(id: $s) { id } }";
    let update =
        "mutation($c: JID!, $s: ID) { updateChat(input: {cid: $c, sessionId: $s, archived: true}) { chat { id } } }";
    let start = "mutation($s: ID!) { startSession(input: {sessionId: $s}) { session { id } } }";
    let mut cases = vec![];
    for jid in [
        json!("nobody"),
        json!(""),
        json!("@s.whatsapp.net"),
        json!("15550111@example.org"),
        json!("x@s.whatsapp.net"),
        json!(15_550_111),
    ] {
        cases.push((one, json!({"c": jid}), "validation_error", "cid"));
        cases.push((update, json!({"c": jid}), "validation_error", "cid"));
    }
    for id in [&json!("nonsense"), &json!(""), &chat, &message, &json!(server.session.to_lowercase())] {
        cases.push((one, json!({"c": MEI, "s": id}), "not_found", ""));
        cases.push((update, json!({"c": MEI, "s": id}), "not_found", ""));
        cases.push((list, json!({"s": id}), "not_found", ""));
        cases.push((session, json!({"s": id}), "not_found", ""));
        cases.push((start, json!({"s": id}), "not_found", ""));
    }
    cases.push((one, json!({"c": "15550199@s.whatsapp.net"}), "not_found", ""));
    cases.push((update, json!({"c": "15550199@s.whatsapp.net"}), "not_found", ""));
    cases.push((
        "query($i: [ID!]!) { nodes(ids: $i) { id } }",
        json!({"i": vec!["x"; 101]}),
        "validation_error",
        "ids",
    ));
    refused(&server, &cases).await;

    let query = "query($i: [ID!]!) { nodes(ids: $i) { __typename id } }";
    let ids = json!([message, "nonsense", server.session, "ses_01ARZ3NDEKTSV4RRFFQ69G5FAV", chat, chat]);
    let nodes = server.query_with(query, json!({"i": ids})).await["data"]["nodes"].clone();
    let node = |kind: &str, id: &Value| json!({"__typename": kind, "id": id});
    let (session, chat) = (json!(server.session), node("Chat", &chat));
    assert_eq!(nodes, json!([node("Message", &message), null, node("Session", &session), null, chat, chat]));
    server.assert_in_sync().await;
}

#[tokio::test]
async fn one_of_several_sessions_has_to_be_named() {
    let server = TestServer::start().await;
    let other = server.sandbox.create_account(account("15550200", "Second number")).expect("an account");
    server.pair(&other).await;
    let update = "mutation($c: JID!) { updateChat(input: {cid: $c, archived: true}) { chat { id } } }";
    refused(
        &server,
        &[
            ("query($c: JID!) { chat(cid: $c) { id } }", json!({"c": MEI}), "validation_error", "sessionId"),
            (update, json!({"c": MEI}), "validation_error", "sessionId"),
        ],
    )
    .await;
    server.assert_in_sync().await;
}
