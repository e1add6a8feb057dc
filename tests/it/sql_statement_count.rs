//! The number of SQL statements for a query does not grow with the number of chats in the answer.

use chatgraph_sandbox::AccountSpec;
use serde_json::{Value, json};

use crate::support::{Log, TestServer, account, wait_for};

/// All fields of a chat.
const EVERYTHING: &str = "id jid aliases name type archived pinned muted mutedUntil unreadCount markedUnread lastMessageAt \
    session { id label status } sync { state pending refused { field reason at } } \
    lastMessage { text chat { id name session { label } aliases } } messages(first: 3) { nodes { text chat { id } } }";

/// Returns an account with this many chats of a few messages each.
pub(crate) fn many_chats(chats: u32) -> AccountSpec {
    let jid = |number: u32| format!("155520{number:03}");
    let contacts = (0..chats).map(|number| json!({"phone": jid(number), "name": format!("Person {number}")}));
    let history = (0..chats).map(|number| {
        let at = |place: u32| 1_700_000_000_000_i64 + i64::from(number * 60 + place) * 1_000;
        let messages =
            (0..5).map(|place| json!({"from": jid(number), "text": format!("{number} {place}"), "at": at(place)}));
        json!({"jid": format!("{}@s.whatsapp.net", jid(number)), "messages": messages.collect::<Vec<_>>()})
    });
    let spec = json!({
        "phone": "15550100",
        "name": "Alex Example",
        "contacts": contacts.collect::<Vec<_>>(),
        "history": history.collect::<Vec<_>>(),
    });
    serde_json::from_value(spec).expect("an account")
}

#[tokio::test]
async fn a_full_page_takes_at_most_a_statement_per_kind_of_object() {
    let server = TestServer::builder().account(many_chats(60)).log(Log::of_statements()).start().await;
    let query = format!("query($n: Int) {{ chats(first: $n) {{ totalCount changeCursor nodes {{ {EVERYTHING} }} }} }}");
    let (one, of_one) = server.statements(&query, json!({"n": 1})).await;
    let (fifty, of_fifty) = server.statements(&query, json!({"n": 50})).await;
    for (answer, chats) in [(&one, 1), (&fifty, 50)] {
        assert_eq!(answer["errors"], Value::Null);
        let nodes = answer["data"]["chats"]["nodes"].as_array().expect("chats");
        assert_eq!((nodes.len(), &answer["data"]["chats"]["totalCount"]), (chats, &json!(60)));
        for (number, node) in (0..).zip(nodes) {
            let last = 59 - number;
            let texts: Vec<_> = (2..5).rev().map(|place| json!(format!("{last} {place}"))).collect();
            let shown: Vec<_> =
                node["messages"]["nodes"].as_array().expect("messages").iter().map(|it| it["text"].clone()).collect();
            assert_eq!(shown, texts);
            assert_eq!(node["lastMessage"]["chat"]["id"], node["id"]);
        }
    }
    // One statement each for the key, the page with the log's end, its count, the sessions, the addresses and the last
    // messages. Further ones load their chats with sessions and addresses, the messages, and their chats.
    for statements in [of_one, of_fifty] {
        assert!(statements.len() <= 12, "{} statements: {statements:#?}", statements.len());
    }
}

#[tokio::test]
async fn lists_of_several_sessions_take_the_statements_of_one() {
    let server = TestServer::builder().log(Log::of_statements()).start().await;
    let list = "chats(first: 2, order: INBOX, filter: {archived: false, search: \"a\"})";
    let query = format!(
        "query($n: Int) {{ sessions(first: $n) {{ nodes {{ id {list} {{ totalCount changeCursor \
         pageInfo {{ hasNextPage }} nodes {{ {EVERYTHING} }} }} }} }} }}"
    );
    for number in 2..4 {
        let phone = format!("1555{number}100");
        let phone = server.sandbox.create_account(account(&phone, "Another number")).expect("an account");
        server.pair(&phone).await;
    }
    let (of_one, of_three) = wait_for("the histories of all", async || {
        let (one, of_one) = server.statements(&query, json!({"n": 1})).await;
        let (three, of_three) = server.statements(&query, json!({"n": 3})).await;
        assert_eq!((&one["errors"], &three["errors"]), (&Value::Null, &Value::Null));
        let sessions = three["data"]["sessions"]["nodes"].as_array().expect("sessions");
        let complete = sessions.len() == 3 && sessions.iter().all(|session| session["chats"]["totalCount"] == 2);
        complete.then_some((of_one, of_three))
    })
    .await;
    // The same, plus the page of sessions.
    for statements in [of_one, of_three] {
        assert!(statements.len() <= 13, "{} statements: {statements:#?}", statements.len());
    }
}

#[tokio::test]
async fn a_history_takes_far_fewer_statements_than_it_has_chats() {
    const CHATS: u32 = 180;
    let log = Log::of_statements();
    let server = TestServer::builder().account(many_chats(CHATS)).log(log.clone()).start().await;
    wait_for("the history", async || {
        let answer = server.query("{ sessions(first: 1) { nodes { historyImport { chats messages } } } }").await;
        let import = &answer["data"]["sessions"]["nodes"][0]["historyImport"];
        (import == &json!({"chats": CHATS, "messages": 5 * CHATS})).then_some(())
    })
    .await;
    let insert = |line: &&str| line.contains("sqlx::query") && line.contains(r#"INSERT INTO \"message\""#);
    let inserts = log.text().lines().filter(insert).count();
    assert!((1..CHATS as usize / 4).contains(&inserts), "{inserts} inserts");
}
