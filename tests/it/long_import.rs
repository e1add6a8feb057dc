//! Live messages during a long import of the same session.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    sql_statement_count::many_chats,
    support::{Subscription, TestServer, postgres, wait_for_within},
};

const CHATS: usize = 1_600;
const LIVE: usize = 20;
/// Upper bound of the time until live messages are stored and confirmed.
const LIVE_TIMEOUT: Duration = Duration::from_mins(1);
/// Upper bound of the time of the import.
const IMPORT_TIMEOUT: Duration = Duration::from_mins(2);
/// A trigger that makes each message of a history take some milliseconds.
const SLOW_SQLITE: &str = "CREATE TRIGGER slow BEFORE INSERT ON message \
    WHEN NEW.arrival = 0 AND length(hex(randomblob(100000))) > 0 BEGIN SELECT 1; END";
const SLOW_POSTGRES: &str = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
    IF NEW.arrival = 0 THEN PERFORM pg_sleep(0.002); END IF; RETURN NEW; END $$; \
    CREATE TRIGGER slow BEFORE INSERT ON message FOR EACH ROW EXECUTE FUNCTION slow()";
const FOLLOW: &str = "subscription { chatChanges { cursor change { origin chat { jid lastMessage { text } } } } }";
const IMPORT: &str = "query($id: ID!) { session(id: $id) { historyImport { percent chats messages incomplete } } }";
/// The chats with the newest messages.
const CHATS_QUERY: &str = "query($id: ID!, $n: Int!) { chats(sessionId: $id, first: $n) { nodes { \
    jid messages(first: 10) { nodes { text } } } } }";

/// The people write in different chats: messages of one chat are stored one after the other.
#[tokio::test]
async fn a_long_import_neither_drops_live_messages_nor_holds_them_up() {
    let server = TestServer::unlimited().await;
    let mut account = many_chats(u32::try_from(CHATS).expect("small"));
    account.phone = "15550900".to_owned();
    let phone = server.sandbox.create_account(account).expect("an account");
    let (session, code) = server.session_to_scan().await;
    let mut changes = Subscription::start(&server, FOLLOW, json!({})).await;
    server.execute(if postgres().is_some() { SLOW_POSTGRES } else { SLOW_SQLITE }).await;
    phone.scan(&code).await.expect("scanned");
    let imported = async || {
        let answer = server.query_with(IMPORT, json!({"id": session})).await;
        answer["data"]["session"]["historyImport"].clone()
    };
    wait_for_within(IMPORT_TIMEOUT, "the first part of the import", async || {
        (imported().await["chats"].as_u64()? > 0).then_some(())
    })
    .await;

    let began = Instant::now();
    let mut live = BTreeMap::new();
    for number in CHATS - LIVE..CHATS {
        let (from, text) = (format!("155520{number:03}"), format!("live {number}"));
        let jid = format!("{from}@s.whatsapp.net");
        phone.receive(&from, &jid, &text).await.expect("sent");
        live.insert(jid, text);
    }
    let stored = async || -> Option<BTreeMap<String, Vec<String>>> {
        let answer = server.query_with(CHATS_QUERY, json!({"id": session, "n": LIVE})).await;
        let texts = |chat: &Value| {
            let messages = chat["messages"]["nodes"].as_array()?;
            messages.iter().map(|message| message["text"].as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        };
        let chats = answer["data"]["chats"]["nodes"].as_array()?;
        chats.iter().map(|chat| Some((chat["jid"].as_str()?.to_owned(), texts(chat)?))).collect()
    };
    wait_for_within(LIVE_TIMEOUT, "the live messages", async || {
        let stored = stored().await?;
        live.iter().all(|(jid, text)| stored.get(jid).and_then(|texts| texts.first()) == Some(text)).then_some(())
    })
    .await;
    let took_to_store = began.elapsed();
    timeout(LIVE_TIMEOUT, phone.settled()).await.expect("confirmed in time").expect("confirmed");
    let (took, import) = (began.elapsed(), imported().await);
    println!("{LIVE} live messages were stored in {took_to_store:?} and confirmed in {took:?}, at {import}");
    // Not the progress, which is only complete once the phone's last part is stored, too.
    let messages = u64::try_from(5 * CHATS).expect("small");
    assert!(import["messages"].as_u64().is_some_and(|stored| stored < messages), "only after the import: {import}");
    let mut unpublished: BTreeSet<_> = live.values().cloned().collect();
    while !unpublished.is_empty() {
        let change = changes.next().await;
        if change["origin"] == "MESSAGE" {
            unpublished.remove(change["chat"]["lastMessage"]["text"].as_str().unwrap_or_default());
        }
    }

    let whole = json!([100, 5 * CHATS, false]);
    wait_for_within(IMPORT_TIMEOUT, "the whole history", async || {
        let import = imported().await;
        (json!([import["percent"], import["messages"], import["incomplete"]]) == whole).then_some(())
    })
    .await;
    let expected = (CHATS - LIVE..CHATS).map(|number| {
        let history = (0..5).rev().map(|place| format!("{number} {place}"));
        let texts: Vec<_> = [format!("live {number}")].into_iter().chain(history).collect();
        (format!("155520{number:03}@s.whatsapp.net"), texts)
    });
    assert_eq!(stored().await, Some(expected.collect()), "each message once, in order");
}
