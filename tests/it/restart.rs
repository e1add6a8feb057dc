//! The program is killed without a word and started again on the same database.

use serde_json::json;

use crate::support::TestServer;
use crate::support::eventually;

const MEI: &str = "15550111@s.whatsapp.net";

#[tokio::test]
async fn a_killed_server_comes_back_without_a_new_pairing() {
    let mut server = TestServer::start().await;
    for round in 0..5 {
        // The kill falls anywhere into what these set off.
        for number in 0..round {
            let text = format!("{round}.{number}");
            server.phone().receive("15550111", MEI, &text).await.expect("a message");
        }
        server.restart();
        eventually("a working session", async || {
            let query = "query($id: ID!) { session(id: $id) { status pairing { qr } } }";
            let session = server.query_with(query, json!({"id": server.session})).await["data"]["session"].clone();
            assert_eq!(session["pairing"], json!(null), "it wants to be paired again");
            (session["status"] == "WORKING").then_some(())
        })
        .await;
        server.phone().receive("15550111", MEI, &format!("{round}")).await.expect("a message");
        server.phone().archive(MEI, round % 2 == 0).await.expect("archived");
        server.phone().settled().await.expect("acknowledged");
        server.agrees().await;
    }
    assert_eq!(server.phone().companions(), 1);
}
