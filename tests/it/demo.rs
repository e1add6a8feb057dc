//! `chatgraph demo`, as a script uses it.

use std::io::BufRead as _;
use std::io::BufReader;
use std::process::Command;
use std::process::Stdio;

use serde_json::Value;
use serde_json::json;

#[tokio::test]
async fn one_line_tells_a_script_all_it_needs() {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_chatgraph"))
        .args(["demo", "--listen", "127.0.0.1:0", "--json", "--quiet"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let mut line = String::new();
    BufReader::new(demo.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    let ready: Value = serde_json::from_str(&line).expect("JSON");
    let text = |field: &str| ready[field].as_str().unwrap_or_else(|| panic!("no {field}")).to_owned();
    assert!(text("websocket").starts_with("ws://127.0.0.1:"));
    let (page, invitation) =
        text("graphiql").split_once('#').map(|(a, b)| (a.to_owned(), b.to_owned())).expect("a link");
    assert!(invitation.starts_with(&format!("key={}&chat=", text("key"))), "{invitation}");
    assert!(reqwest::get(page).await.expect("an answer").text().await.expect("text").contains("GraphiQL"));

    let query = json!({"query": "{ chats(first: 200) { nodes { jid archived session { id status } } } }"});
    let sent = reqwest::Client::new().post(text("graphql")).bearer_auth(text("key")).json(&query).send().await;
    let answer: Value = sent.expect("an answer").json().await.expect("JSON");
    let stored = answer["data"]["chats"]["nodes"].as_array().expect("chats").clone();
    let url = format!("{}/accounts/{}/chats", text("sandbox"), text("phone"));
    let shown: Value = reqwest::get(url).await.expect("an answer").json().await.expect("JSON");
    let shown = shown.as_array().expect("chats");
    assert_eq!(stored.len(), shown.iter().filter(|chat| chat["lastMessageAt"] != Value::Null).count());
    assert!(stored.len() >= 35, "{} chats", stored.len());
    assert!(stored.iter().all(|chat| chat["session"]["id"] == ready["session"]));

    // SIGTERM ends it in good order, and with it everything it made. The shell's own `kill` is on every machine.
    let kill = format!("kill {}", demo.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().expect("sh").success());
    assert!(demo.wait().expect("ends").success());
}
