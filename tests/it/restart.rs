//! The program is killed and started again.

use serde_json::json;

use crate::support::{CHANGE_CURSOR, MEI, RAVI, Subscription, TestServer, wait_for};

#[tokio::test]
async fn a_killed_server_restarts_with_its_session_and_misses_nothing() {
    let mut server = TestServer::start().await;
    let listed = server.query(CHANGE_CURSOR).await["data"]["chats"]["changeCursor"].clone();
    server.update_chat(MEI, "pinned: true").await;

    server.restart();
    server.phone().receive("15550112", RAVI, "While you were away").await.expect("sent");

    wait_for("a working session, without a new QR code", async || {
        let answer = server.query("{ sessions { nodes { status } } }").await;
        (answer["data"]["sessions"]["nodes"][0]["status"] == "WORKING").then_some(())
    })
    .await;
    server.assert_in_sync().await;
    let ravi = server.chat(RAVI).await;
    assert_eq!((&ravi["unreadCount"], &ravi["lastMessage"]["text"]), (&json!(1), &json!("While you were away")));

    // The log continues: the change before the kill once, then the message.
    let mut changes = Subscription::start(&server, crate::support::ALL, json!({"after": listed})).await;
    assert_eq!(changes.next().await["cid"], MEI);
    let told = eventually_message(&mut changes).await;
    assert_eq!((&told["cid"], &told["changed"]), (&json!(RAVI), &json!(["UNREAD_COUNT", "LAST_MESSAGE"])));
}

#[tokio::test]
async fn a_killed_server_restarts_without_a_new_pairing() {
    let mut server = TestServer::start().await;
    for round in 0..5 {
        // The kill interrupts the effects of these at a random point.
        for number in 0..round {
            let text = format!("{round}.{number}");
            server.phone().receive("15550111", MEI, &text).await.expect("a message");
        }
        server.restart();
        wait_for("a working session", async || {
            let query = "query($id: ID!) { session(id: $id) { status pairing { qr } } }";
            let session = server.query_with(query, json!({"id": server.session})).await["data"]["session"].clone();
            assert_eq!(session["pairing"], json!(null), "the session lost its pairing");
            (session["status"] == "WORKING").then_some(())
        })
        .await;
        server.phone().receive("15550111", MEI, &format!("{round}")).await.expect("a message");
        server.phone().archive(MEI, round % 2 == 0).await.expect("archived");
        server.phone().settled().await.expect("acknowledged");
        server.assert_in_sync().await;
    }
    assert_eq!(server.phone().companions(), 1);
}

async fn eventually_message(changes: &mut Subscription) -> serde_json::Value {
    loop {
        let change = changes.next().await;
        if change["origin"] == "MESSAGE" {
            return change;
        }
    }
}
