//! Sessions that WhatsApp temporarily rejects recover without help.

use serde_json::{Value, json};

use crate::support::{MEI, OWNER, SESSION_STATUS_REASON, TestServer, wait_for};

#[tokio::test]
async fn a_refusal_that_may_pass_is_retried_and_says_so() {
    let server = TestServer::start().await;
    end(&server, json!({"kind": "refused"})).await;
    // The sandbox rejects the next login with the unspecific code 400.
    let reason = wait_for("the reason", async || {
        let (status, reason) = standing(&server).await;
        reason.as_str().filter(|_| status == "STARTING").map(str::to_owned)
    })
    .await;
    let said = "WhatsApp rejected the connection; the next attempt is at 20";
    assert!(reason.starts_with(said), "{reason}");
    server.wait_until_working().await;
    assert_eq!(standing(&server).await.1, Value::Null, "the ban has ended");
    server.assert_in_sync().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ban_with_an_end_is_over_then_also_after_a_restart() {
    let mut server = TestServer::start().await;
    for is_restarted in [false, true] {
        end(&server, json!({"kind": "banned", "seconds": 6})).await;
        wait_for("the ban", async || (standing(&server).await.0 == "FAILED").then_some(())).await;
        if is_restarted {
            tokio::task::block_in_place(|| server.restart());
        }
        server.phone().receive("15550111", MEI, "After the ban").await.expect("sent");
        server.wait_until_working().await;
        server.assert_in_sync().await;
    }
}

async fn end(server: &TestServer, how: Value) {
    let url = format!("{}/accounts/{OWNER}/end", server.sandbox.url());
    let answer = reqwest::Client::new().post(url).json(&how).send().await.expect("an answer");
    assert!(answer.status().is_success(), "{answer:?}");
}

async fn standing(server: &TestServer) -> (String, Value) {
    let mut answer = server.query_with(SESSION_STATUS_REASON, json!({"id": server.session})).await;
    let mut session = answer["data"]["session"].take();
    (session["status"].as_str().expect("a status").to_owned(), session["statusReason"].take())
}
