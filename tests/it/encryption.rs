//! Encryption at rest: the stored secrets with and without a master key, and changed or lost keys.

pub(crate) mod fixture;

use std::process::Stdio;

use serde_json::json;

use crate::support::{LOG_OUT_SESSION, MEI, RAVI, SESSION_STATUS, TestServer, wait_for};
use fixture::{KeyFile, id_of, new_key};

#[tokio::test]
async fn an_encrypted_database_contains_no_private_key() {
    let file = KeyFile::of(&new_key());
    let server = TestServer::with_arguments(&file.arguments()).await;
    let secrets = server.secrets(&file.text()).await;
    assert_eq!(server.found(&secrets).await, 0);
    assert!(server.log().contains(&id_of(&file.text())), "the log at startup does not name the key");
}

#[tokio::test]
async fn without_a_master_key_they_are_and_a_warning_says_so() {
    let server = TestServer::start().await;
    let secrets = server.secrets("").await;
    assert_eq!(server.found(&secrets).await, secrets.len());
    let warnings = server.log().lines().filter(|line| line.contains("master key") && line.contains("WARN")).count();
    assert_eq!(warnings, 1);
}

#[tokio::test]
async fn a_server_is_switched_to_encryption_and_back() {
    let key = new_key();
    let file = KeyFile::of(&format!("plain\n{key}"));
    let mut server = TestServer::with_arguments(&file.arguments()).await;
    let secrets = server.secrets(&file.text()).await;
    assert_eq!(server.found(&secrets).await, secrets.len());

    file.write(&key);
    server.restart();
    server.receives("While secrets are in plain").await;
    server.rotates(&file);
    server.receives("While secrets are sealed").await;
    let (counts, id) = (server.counts(), id_of(&key));
    assert!(counts.len() == 1 && counts[0].starts_with(&id), "{counts:?}");

    // The old plaintext is still on the disk, in free space. A rotation without a running server removes it.
    server.kill();
    server.rotates(&file);
    server.restart();
    assert_eq!(server.found(&secrets).await, 0);

    file.write(&format!("plain\n{key}"));
    server.restart();
    server.rotates(&file);
    assert!(server.counts().iter().all(|line| line.starts_with("plain")), "{:?}", server.counts());
    file.write("plain\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    server.restart();
    server.receives("Without the key").await;
}

#[tokio::test]
async fn a_key_is_changed_while_the_session_runs() {
    let (new, old) = (new_key(), new_key());
    let file = KeyFile::of(&old);
    let mut server = TestServer::with_arguments(&file.arguments()).await;

    file.write(&format!("{new}\n{old}"));
    let [flag, path] = file.arguments();
    let rotate = ["master-key", "rotate", flag, path];
    let refused = server.command(&rotate);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && told.contains("start it with these keys"), "{told}");
    server.restart();
    server.wait_until_working().await;
    let mut rotating = server.program(&rotate).stdout(Stdio::null()).spawn().expect("starts");
    for number in 0..10 {
        server.receives(&format!("Message {number}")).await;
    }
    assert!(rotating.wait().expect("ends").success());
    let counts = server.counts();
    assert!(counts.len() == 1 && counts[0].starts_with(&id_of(&new)), "{counts:?}");

    file.write(&new);
    server.restart();
    server.receives("With the new key alone").await;
    assert_eq!(server.phone().companions(), 1, "the session was paired again");
}

#[tokio::test]
async fn without_its_key_the_server_does_not_start_and_names_it() {
    let (key, other) = (new_key(), new_key());
    let file = KeyFile::of(&key);
    let mut server = TestServer::with_arguments(&file.arguments()).await;
    server.kill();
    for given in [None, Some(&other)] {
        let mut serve = server.program(&["serve", "--listen", "127.0.0.1:0"]);
        if let Some(other) = given {
            serve.env("CHATGRAPH_MASTER_KEY", other);
        }
        let refused = serve.output().expect("runs");
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{told}");
        assert!(told.contains(&format!("master key {}", id_of(&key))) && !told.contains(&other), "{told}");
    }

    file.write(&other);
    let forget = server.command(&["master-key", "forget", &id_of(&key)]);
    assert!(forget.status.success(), "{}", String::from_utf8_lossy(&forget.stderr));
    server.restart();
    assert_eq!(server.chat(MEI).await["name"], "Mei Tanaka", "the stored copy is lost");
    server.phone().unlink().await;
    server.pair_again().await;
    server.assert_in_sync().await;
    let counts = server.counts();
    assert!(counts.len() == 1 && counts[0].starts_with(&id_of(&other)), "{counts:?}");
}

#[tokio::test]
async fn a_session_with_exchanged_secrets_fails_and_others_continue() {
    let file = KeyFile::of(&new_key());
    let mut server = TestServer::with_arguments(&file.arguments()).await;
    let phone = server.sandbox.create_account(crate::support::small_account("15550200")).expect("an account");
    let other = server.pair(&phone).await;
    server.kill();
    server.put_value_of(&other, &server.session, DEVICE).await;
    server.restart();

    let reason = server.fails(&server.session).await;
    assert!(reason.contains("modified outside the server"), "{reason}");
    wait_for("the other session", async || {
        let answer = server.query_with(SESSION_STATUS, json!({"id": other})).await;
        (answer["data"]["session"]["status"] == "WORKING").then_some(())
    })
    .await;

    // The session is logged out locally, although WhatsApp cannot be notified, and paired again.
    let answer = server.query_with(LOG_OUT_SESSION, json!({"id": server.session})).await;
    assert_eq!(answer["data"]["logoutSession"]["session"]["status"], "LOGGED_OUT", "{answer}");
    server.phone().unlink().await;
    server.pair_again().await;
    server.assert_in_sync().await;
}

#[tokio::test]
async fn a_message_is_received_once_its_key_can_be_decrypted() {
    let file = KeyFile::of(&new_key());
    let mut server = TestServer::with_arguments(&file.arguments()).await;
    server.receives("Before").await;
    server.kill();
    server.execute("UPDATE device_record SET kind = 103 WHERE kind = 3").await;
    let cut = "SELECT session_id, 3, key, substr(value, 1, 40) FROM device_record WHERE kind = 103";
    server.execute(&format!("INSERT INTO device_record (session_id, kind, key, value) {cut}")).await;
    server.restart();
    server.phone().receive("15550112", RAVI, "Meanwhile").await.expect("sent");
    let reason = server.fails(&server.session).await;
    assert!(reason.contains("modified outside the server"), "{reason}");

    server.kill();
    server.execute("DELETE FROM device_record WHERE kind = 3").await;
    server.execute("UPDATE device_record SET kind = 3 WHERE kind = 103").await;
    server.restart();
    server.start_session().await;
    server.assert_in_sync().await;
    assert_eq!(server.chat(RAVI).await["lastMessage"]["text"], "Meanwhile");
}

/// Number of the record kind that holds a device.
const DEVICE: i16 = 1;
