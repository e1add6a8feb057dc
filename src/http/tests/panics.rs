//! A panic fails only one operation, on every transport.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::fixture::{Rig, code};
use crate::http::Config;

/// Reads the clock, which panics once it is broken.
const BROKEN: &str = "{ chats { nodes { id } } }";
const WHOLE: &str = "{ viewer { kind } }";

fn post(rig: &Rig, body: &Value) -> RequestBuilder {
    reqwest::Client::new().post(rig.url()).bearer_auth(&rig.key).json(body)
}

#[tokio::test]
async fn an_operation_of_a_batch_panics_alone() {
    let rig = Rig::start(Config::default()).await;
    rig.clock.break_down();
    let batch = json!([{"query": WHOLE}, {"query": BROKEN}, {"query": WHOLE}]);
    let response = post(&rig, &batch).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    let answers: Value = response.json().await.expect("JSON");
    for whole in [0, 2] {
        assert_eq!(answers[whole], json!({"data": {"viewer": {"kind": "API_KEY"}}}), "{answers}");
    }
    assert_eq!(code(&answers[1]["errors"]), "internal", "{answers}");
    assert!(answers[1]["errors"][0]["extensions"]["requestId"].is_string(), "{answers}");
}

#[tokio::test]
async fn a_stream_that_panics_says_so_and_ends() {
    let rig = Rig::start(Config::default()).await;
    rig.clock.break_down();
    let request = post(&rig, &json!({"query": BROKEN})).header("Accept", "text/event-stream");
    let told = request.send().await.expect("an answer").text().await.expect("a whole stream");
    assert!(told.contains("\"code\":\"internal\"") && told.ends_with("event: complete\ndata:\n\n"), "{told}");
    rig.is_left_alone().await;
}
