//! Unreadable rows do not prevent other sessions from starting.

use serde_json::{Value, json};

use crate::support::{CREATE_LABELED_SESSION, MEI, TestServer, monitoring_url};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_starts_whatever_rows_it_cannot_read() {
    let mut server = TestServer::with_arguments(&["--metrics", "--metrics-listen", "127.0.0.1:0"]).await;
    let damages = [
        ("a", "jid = 'nobody at all'", Some("jid")),
        ("b", "lid = ''", Some("lid")),
        ("c", "status = 99", Some("status")),
        ("d", "import_percent = 900", Some("import_percent")),
        ("e", "import_percent = 1, import_chats = -1", Some("import_chats")),
        ("f", "organization = 'not an id'", None),
        // A session that was started while it was deleted once left this row.
        ("g", "organization = ''", None),
    ];
    server
        .execute("INSERT INTO organization (id, last_change, created_at) VALUES ('not an id', 0, 0), ('no id', 0, 0)")
        .await;
    for (label, damage, _) in damages {
        server.query_with(CREATE_LABELED_SESSION, json!({"label": label})).await;
        server.execute(&format!("UPDATE session SET wanted = TRUE, {damage} WHERE label = '{label}'")).await;
    }
    // A mute that cannot be ended because its organization is unreadable, and one that must expire.
    let past = "muted_until = 1000, muted_as_of = 1";
    server.execute(&format!("UPDATE chat SET {past}, organization = 'no id' WHERE archived")).await;
    server.execute(&format!("UPDATE chat SET {past} WHERE jid = '{MEI}'")).await;
    server.execute("INSERT INTO master_key (id, seals) VALUES ('no id at all', FALSE)").await;
    tokio::task::block_in_place(|| server.restart());

    server.wait_until_working().await;
    server.phone().receive("15550111", MEI, "Still here").await.expect("sent");
    let chat = crate::support::wait_for("the message", async || {
        let query =
            "query($id: ID!, $cid: JID!) { chat(sessionId: $id, cid: $cid) { name mutedUntil lastMessage { text } } }";
        let answer = server.query_with(query, json!({"id": server.session, "cid": MEI})).await;
        let chat = answer["data"]["chat"].clone();
        (chat["lastMessage"]["text"] == "Still here" && chat["mutedUntil"] == Value::Null).then_some(chat)
    })
    .await;
    assert_eq!(chat["name"], "Mei Tanaka");

    let listed = server.query("{ sessions(first: 20) { nodes { label status statusReason } } }").await;
    let listed = listed["data"]["sessions"]["nodes"].as_array().expect("a list").clone();
    for (label, _, column) in damages {
        let Some(column) = column else { continue };
        let session = listed.iter().find(|session| session["label"] == label).expect(label);
        assert_eq!(session["status"], "FAILED", "{session}");
        let reason = session["statusReason"].as_str().expect("a reason");
        assert!(reason.contains(&format!("session.{column} ")), "{reason}");
    }
    let unreadable = 6;
    let ready: Value =
        reqwest::get(monitoring_url(&server.log(), "/readyz")).await.expect("up").json().await.expect("JSON");
    assert_eq!((&ready["status"], &ready["unreadableSessions"]), (&json!("ready"), &json!(unreadable)), "{ready}");
    let figures =
        reqwest::get(server.url.replace("/graphql", "/metrics")).await.expect("up").text().await.expect("text");
    assert!(figures.contains(&format!("chatgraph_unreadable_sessions {unreadable}\n")), "{figures}");
    assert_eq!(server.log().matches("Session not started").count(), unreadable);
    // Rows of a deleted session are removed, and the session is not started.
    assert_eq!(server.rows("session WHERE label = 'g'").await, 0);
}
