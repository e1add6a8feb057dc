//! Messages of one second stay in the order in which WhatsApp sends them, whatever their senders.

use std::time::Duration;

use chatgraph_sandbox::Phone;
use serde_json::{Value, json};

use crate::support::{OWNER, TestServer, wait_for_within};

const PEOPLE: [&str; 3] = ["15550111", "15550112", "15550113"];
const PATIENCE: Duration = Duration::from_secs(30);

fn chat_of(number: &str) -> String {
    format!("{number}@s.whatsapp.net")
}

/// Receives and sends several messages a second in each chat.
async fn burst(phone: &Phone, rounds: usize) {
    for round in 0..rounds {
        for (place, number) in PEOPLE.iter().enumerate() {
            for line in 0..4 {
                // Each chat has its own pattern, and some end with the owner's answer.
                let own = (round + place + line * (place + 1)) % 3 == 0;
                let (from, text) = (if own { OWNER } else { number }, format!("{round}.{line}"));
                phone.receive(from, &chat_of(number), &text).await.expect("sent");
            }
        }
    }
}

/// Waits until each chat has the phone's messages in the same order, and the same unread count.
async fn has_the_order_of_the_phone(server: &TestServer) {
    for number in PEOPLE {
        let cid = chat_of(number);
        let shown = server.phone().messages(&cid).expect("a chat");
        let texts: Vec<_> = shown.iter().rev().take(90).map(|message| json!(message.text)).collect();
        let what = format!("the order of {cid}");
        let stored = std::cell::RefCell::new(Vec::new());
        let compare = wait_for_within(PATIENCE * 2, &what, async || {
            let query = "query($cid: JID!) { chat(cid: $cid) { messages(first: 90) { nodes { text } } } }";
            let answer = server.query_with(query, json!({"cid": cid})).await;
            let nodes = answer["data"]["chat"]["messages"]["nodes"].as_array().cloned().unwrap_or_default();
            *stored.borrow_mut() = nodes.iter().map(|node| node["text"].clone()).collect::<Vec<Value>>();
            (*stored.borrow() == texts).then_some(())
        });
        if tokio::time::timeout(PATIENCE, compare).await.is_err() {
            assert_eq!(stored.take(), texts, "{cid}");
        }
    }
    server.assert_in_sync().await;
}

#[tokio::test]
async fn live_messages_of_one_second_keep_their_order() {
    let server = TestServer::start().await;
    burst(server.phone(), 6).await;
    has_the_order_of_the_phone(&server).await;
}

#[tokio::test]
async fn messages_of_one_second_keep_their_order_on_reconnect() {
    let server = TestServer::start().await;
    for _ in 0..3 {
        burst(server.phone(), 1).await;
        server.phone().cut().await;
        burst(server.phone(), 2).await;
    }
    has_the_order_of_the_phone(&server).await;
}
