//! Lists of chats: filters, orders, both directions, and search.

use chatgraph::{clock::SystemClock, domain::clock::Clock as _};
use chatgraph_sandbox::AccountSpec;
use serde_json::{Value, json};

use crate::support::{BOOKS, MEI, OLU, RAVI, TestServer, account, error_code, wait_for};

const CHOIR: &str = "120363000000000002@g.us";

/// Returns the addresses of the chats in a list, whose length equals its total count.
async fn listed(server: &TestServer, order: &str, filter: Value) -> Vec<String> {
    let query = "query($f: ChatFilter, $o: ChatOrder!) { chats(filter: $f, order: $o) { totalCount nodes { jid } } }";
    let answer = server.query_with(query, json!({"f": filter, "o": order})).await;
    assert_eq!(answer["errors"], Value::Null, "{filter}: {answer}");
    let chats = &answer["data"]["chats"];
    let jids: Vec<_> = chats["nodes"].as_array().expect("chats").iter().map(|chat| text(&chat["jid"])).collect();
    assert_eq!(chats["totalCount"], jids.len(), "{filter}");
    jids
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

#[tokio::test]
async fn filters_find_what_is_true_of_a_chat_now() {
    let server = TestServer::start().await;
    let at = server.chat(RAVI).await["lastMessageAt"].clone();
    for (filter, expected) in [
        (json!(null), &[MEI, RAVI, BOOKS][..]),
        (json!({}), &[MEI, RAVI, BOOKS]),
        (json!({"archived": null, "includeEmpty": null, "search": null}), &[MEI, RAVI, BOOKS]),
        (json!({"archived": true}), &[BOOKS]),
        (json!({"archived": false}), &[MEI, RAVI]),
        (json!({"pinned": true}), &[]),
        (json!({"pinned": false}), &[MEI, RAVI, BOOKS]),
        (json!({"muted": true}), &[RAVI]),
        (json!({"muted": false}), &[MEI, BOOKS]),
        (json!({"unread": true}), &[MEI]),
        (json!({"unread": false}), &[RAVI, BOOKS]),
        (json!({"type": ["GROUP"]}), &[BOOKS]),
        (json!({"type": ["DM", "STATUS"]}), &[MEI, RAVI]),
        (json!({"type": []}), &[]),
        (json!({"search": "TANAKA"}), &[MEI]),
        (json!({"search": "1555011"}), &[MEI, RAVI]),
        (json!({"search": "book"}), &[BOOKS]),
        (json!({"activeAfter": at}), &[MEI, RAVI]),
        (json!({"activeBefore": at}), &[BOOKS]),
        (json!({"activeAfter": at, "muted": true, "archived": false, "search": "patel"}), &[RAVI]),
        (json!({"muted": true, "archived": true}), &[]),
    ] {
        assert_eq!(listed(&server, "RECENT", filter.clone()).await, expected, "{filter}");
    }
    server.assert_in_sync().await;
}

#[tokio::test]
async fn an_inbox_shows_pinned_chats_first_and_follows_the_phone() {
    let server = TestServer::start().await;
    assert_eq!(listed(&server, "INBOX", json!({})).await, [MEI, RAVI, BOOKS]);
    server.update_chat(RAVI, "pinned: true").await;
    assert_eq!(listed(&server, "INBOX", json!({})).await, [RAVI, MEI, BOOKS]);
    assert_eq!(listed(&server, "RECENT", json!({})).await, [MEI, RAVI, BOOKS]);
    assert_eq!(listed(&server, "INBOX", json!({"pinned": true})).await, [RAVI]);
    assert_eq!(listed(&server, "INBOX", json!({"pinned": false})).await, [MEI, BOOKS]);
    server.phone().pin(BOOKS, true).await.expect("pinned");
    wait_for("the phone's pin", async || {
        (listed(&server, "INBOX", json!({})).await == [BOOKS, RAVI, MEI]).then_some(())
    })
    .await;
    server.assert_in_sync().await;
}

#[tokio::test]
async fn chats_without_messages_are_listed_last_and_only_on_request() {
    let mut account = account("15550100", "Alex Example");
    let mut choir = account.groups[0].clone();
    (choir.jid, choir.subject) = (CHOIR.to_owned(), "Choir".to_owned());
    account.groups.push(choir);
    let server = TestServer::builder().account(account).start().await;
    for order in ["RECENT", "INBOX"] {
        wait_for("the contact and the group", async || {
            let all = listed(&server, order, json!({"includeEmpty": true})).await;
            // The last two are in the order in which the server learned of them.
            let either = [[MEI, RAVI, BOOKS, CHOIR, OLU], [MEI, RAVI, BOOKS, OLU, CHOIR]];
            either.iter().any(|expected| all == *expected).then_some(())
        })
        .await;
        assert_eq!(listed(&server, order, json!({})).await, [MEI, RAVI, BOOKS]);
    }
    assert_eq!(listed(&server, "RECENT", json!({"includeEmpty": true, "search": "olu"})).await, [OLU]);
    let groups = json!({"includeEmpty": true, "type": ["GROUP"]});
    assert_eq!(listed(&server, "RECENT", groups).await, [BOOKS, CHOIR]);
    assert_eq!(listed(&server, "RECENT", json!({"includeEmpty": true, "activeAfter": 0})).await, [MEI, RAVI, BOOKS]);
    server.assert_in_sync().await;
}

#[tokio::test]
async fn a_search_takes_every_character_literally_in_any_script() {
    let names =
        ["100% wool", "under_score", "O'Brien \"Bob\" \\ Co", "שלום עולם", "دكتور علي", "Ünïted É", "👩‍👩‍👧 family"];
    let server = TestServer::builder().account(with_names(&names)).start().await;
    for (search, expected) in [
        ("%", &[0_usize][..]),
        ("100%", &[0]),
        ("%%", &[]),
        ("_", &[1]),
        ("r_s", &[1]),
        ("'", &[2]),
        ("\"", &[2]),
        ("o'brien \"bob\" \\ co", &[2]),
        ("\\%", &[]),
        ("') OR 1=1 --", &[]),
        ("עולם", &[3]),
        ("علي", &[4]),
        ("üNÏTED", &[5]),
        ("é", &[1, 2, 5]),
        ("E\u{301}", &[1, 2, 5]),
        ("👩‍👧", &[6]),
        ("\u{202e}", &[]),
        ("+1555020", &[0, 1, 2, 3, 4, 5, 6]),
    ] {
        let expected: Vec<_> = expected.iter().map(|number| format!("1555020{number}@s.whatsapp.net")).collect();
        assert_eq!(listed(&server, "RECENT", json!({"search": search})).await, expected, "{search}");
    }
    server.assert_in_sync().await;
}

/// An account with a chat with each of these people, the most recent first.
fn with_names(names: &[&str]) -> AccountSpec {
    let people =
        names.iter().enumerate().map(|(number, name)| json!({"phone": format!("1555020{number}"), "name": name}));
    let history = (0..names.len()).map(|number| {
        let at = 1_700_000_000_000_i64 - i64::try_from(number).expect("few") * 60_000;
        json!({"jid": format!("1555020{number}@s.whatsapp.net"), "messages": [
            {"from": format!("1555020{number}"), "text": "Hello", "at": at},
        ]})
    });
    let spec = json!({
        "phone": "15550100",
        "name": "Alex Example",
        "contacts": people.collect::<Vec<_>>(),
        "history": history.collect::<Vec<_>>(),
    });
    serde_json::from_value(spec).expect("an account")
}

#[tokio::test]
async fn every_list_is_walked_the_same_forwards_and_backwards() {
    let server = TestServer::start().await;
    let other = server.sandbox.create_account(account("15550300", "Second number")).expect("an account");
    server.pair(&other).await;
    wait_for("both histories", async || (listed(&server, "RECENT", json!({})).await.len() == 6).then_some(())).await;
    let messages = format!("session(id: \"{}\") {{ chat(cid: \"{MEI}\") {{ messages", server.session);
    let of_session = format!("session(id: \"{}\") {{ chats", server.session);
    for (list, arguments, length) in [
        ("chats", "", 6),
        ("chats", "order: INBOX, filter: {archived: false}, ", 4),
        (of_session.as_str(), "", 3),
        ("sessions", "", 2),
        (messages.as_str(), "", 2),
    ] {
        let forwards =
            walk(&server, list, arguments, ("first", "after", "endCursor", "hasNextPage", "hasPreviousPage")).await;
        let mut backwards =
            walk(&server, list, arguments, ("last", "before", "startCursor", "hasPreviousPage", "hasNextPage")).await;
        backwards.reverse();
        assert_eq!(forwards, backwards, "{list}");
        assert_eq!(forwards.len(), length, "{list}");
    }
}

/// Reads a list one item at a time, and returns the ids.
async fn walk(server: &TestServer, list: &str, arguments: &str, words: (&str, &str, &str, &str, &str)) -> Vec<String> {
    let (count, from, end, more, before) = words;
    let close = "}".repeat(list.matches('{').count());
    let query = format!(
        "query($c: String) {{ {list}({arguments}{count}: 1, {from}: $c) {{ nodes {{ id }} \
         pageInfo {{ startCursor endCursor hasNextPage hasPreviousPage }} }} {close} }}"
    );
    let (mut seen, mut cursor) = (vec![], Value::Null);
    loop {
        let answer = server.query_with(&query, json!({"c": cursor})).await;
        assert_eq!(answer["errors"], Value::Null, "{query}: {answer}");
        let names = list.split('{').map(|part| part.trim().split('(').next().unwrap_or(""));
        let page = names.fold(&answer["data"], |object, name| &object[name]);
        assert_eq!(page["pageInfo"][before], !seen.is_empty(), "{query}: {page}");
        seen.push(text(&page["nodes"][0]["id"]));
        cursor = page["pageInfo"][end].clone();
        if page["pageInfo"][more] == false {
            return seen;
        }
    }
}

#[tokio::test]
async fn a_mute_that_is_over_mutes_no_more() {
    let server = TestServer::start().await;
    let muted = async |muted: bool| {
        let query = "query($m: Boolean) { chats(filter: {muted: $m}) { nodes { jid } } }";
        let answer = server.query_with(query, json!({"m": muted})).await;
        let nodes = answer["data"]["chats"]["nodes"].as_array().expect("chats").clone();
        nodes.iter().map(|chat| text(&chat["jid"])).collect::<Vec<_>>()
    };
    let until = SystemClock.now() + 3_000;
    server.update_chat(MEI, &format!("mutedUntil: {until}")).await;
    let before = muted(true).await;
    assert!(before == [MEI, RAVI] || SystemClock.now() >= until, "{before:?}");
    wait_for("the end of the mute", async || (muted(true).await == [RAVI]).then_some(())).await;
    assert!(SystemClock.now() >= until);
    assert_eq!(muted(false).await, [MEI, BOOKS]);
}

#[tokio::test]
async fn lists_of_another_organization_are_empty() {
    let server = TestServer::start().await;
    let other = server.create_key("org_2", &[]);
    let query = "{ chats(order: INBOX, filter: {includeEmpty: true, search: \"e\"}) { totalCount nodes { id } } }";
    let answer = server.query_as(&other, query, json!({})).await;
    assert_eq!(answer["data"]["chats"], json!({"totalCount": 0, "nodes": []}));
    let of_session = format!("{{ chats(sessionId: \"{}\") {{ totalCount }} }}", server.session);
    assert_eq!(error_code(&server.query_as(&other, &of_session, json!({})).await), "not_found");
    let events = server.create_key("org_1", &["events"]);
    assert_eq!(error_code(&server.query_as(&events, query, json!({})).await), "forbidden");
}
