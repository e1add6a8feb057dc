//! `chatgraph demo`, as a script uses it.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use crate::support::{update_chat_mutation, wait_for};

#[tokio::test]
async fn one_line_has_all_that_a_script_needs() {
    let demo = Demo::start(None);
    assert!(demo.ready_field("websocket").starts_with("ws://127.0.0.1:"));
    let (page, invitation) =
        demo.ready_field("graphiql").split_once('#').map(|(a, b)| (a.to_owned(), b.to_owned())).expect("a link");
    assert!(invitation.starts_with(&format!("key={}&chat=", demo.ready_field("key"))), "{invitation}");
    let page = reqwest::get(page).await.expect("an answer").text().await.expect("text");
    assert!(page.contains("GraphiQL") && page.contains("name=\"invitation\" content=\"trusted\""), "{page}");
    for (origin, allowed) in [("http://localhost:5173", true), ("https://evil.example", false)] {
        let asked = reqwest::Client::new().get(demo.ready_field("graphql")).header("Origin", origin).send().await;
        let told = asked.expect("an answer").headers().get("access-control-allow-origin").cloned();
        assert_eq!(told.is_some_and(|told| told == origin), allowed, "{origin}");
    }
    let stored = demo.stored().await;
    assert_eq!(stored.len(), demo.shown().await.len());
    assert!(stored.len() >= 35, "{} chats", stored.len());
    assert!(stored.iter().all(|chat| chat["session"]["id"] == demo.ready["session"]));
    demo.ends_when_asked();
}

#[tokio::test]
async fn a_demo_continues_where_a_killed_one_in_its_folder_ended() {
    let folder = tempfile::tempdir().expect("a folder");
    let demo = Demo::start(Some(folder.path()));
    let (key, session) = (demo.ready_field("key"), demo.ready_field("session"));
    let listed = demo.stored().await;
    let plain = |chat: &&Value| chat["archived"] == false && chat["pinned"] == false && chat["type"] == "DM";
    let mut plain = listed.iter().filter(plain).map(|chat| chat["jid"].as_str().expect("a JID").to_owned());
    let (from_api, on_phone) = (plain.next().expect("a chat"), plain.next().expect("another"));
    drop(demo);

    // Every acknowledged change survives, although no process had time to apply it.
    let demo = Demo::start(Some(folder.path()));
    assert_eq!((demo.ready_field("key"), demo.ready_field("session")), (key.clone(), session.clone()));
    assert_eq!(demo.stored().await.len(), listed.len());
    demo.update(&from_api, "archived: true").await;
    demo.phone(&on_phone, json!({"archived": true})).await;
    drop(demo);

    let demo = Demo::start(Some(folder.path()));
    demo.wait_until_in_sync(&[(&from_api, true), (&on_phone, true)]).await;
    demo.update(&from_api, "archived: false").await;
    demo.phone(&on_phone, json!({"archived": false})).await;
    demo.wait_until_in_sync(&[(&from_api, false), (&on_phone, false)]).await;
    demo.ends_when_asked();

    let demo = Demo::start(Some(folder.path()));
    demo.wait_until_in_sync(&[(&from_api, false), (&on_phone, false)]).await;
    assert_eq!((demo.ready_field("key"), demo.ready_field("session")), (key, session));
    let accounts: Value = get(&format!("{}/accounts", demo.ready_field("sandbox"))).await;
    assert_eq!((&accounts[0]["companions"], &accounts[1]), (&json!(1), &Value::Null), "no session was paired again");
    demo.ends_when_asked();
}

#[cfg(unix)]
#[tokio::test]
async fn the_demos_key_is_private_and_replaced_if_it_is_invalid() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().join("of/the/demo");
    let file = folder.join("key");
    let demo = Demo::start(Some(&folder));
    assert_eq!(std::fs::read_to_string(&file).expect("a key"), demo.ready_field("key"));
    let mode = |path| std::fs::metadata(path).expect("a file or folder").permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(&folder)), (0o600, 0o700));
    demo.ends_when_asked();

    std::fs::write(&file, "cg_nobody-has-ever-had-this-one").expect("written");
    let demo = Demo::start(Some(&folder));
    assert_eq!(std::fs::read_to_string(&file).expect("a key"), demo.ready_field("key"));
    assert!(!demo.stored().await.is_empty());
    demo.ends_when_asked();
}

/// A running demo without its script, killed when it is dropped.
struct Demo {
    child: Child,
    ready: Value,
}

impl Demo {
    fn start(data: Option<&Path>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chatgraph"));
        command.args(["demo", "--listen", "127.0.0.1:0", "--json", "--quiet"]);
        command.args(data.into_iter().flat_map(|folder| [Path::new("--data"), folder]));
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
        let log = BufReader::new(child.stderr.take().expect("piped"));
        // Shown when the test fails.
        std::thread::spawn(move || log.lines().map_while(Result::ok).for_each(|line| println!("{line}")));
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
        Self { child, ready: serde_json::from_str(&line).expect("JSON") }
    }

    fn ready_field(&self, field: &str) -> String {
        self.ready[field].as_str().unwrap_or_else(|| panic!("no {field}")).to_owned()
    }

    async fn ask(&self, query: &str) -> Value {
        let sent = reqwest::Client::new().post(self.ready_field("graphql")).bearer_auth(self.ready_field("key"));
        let answer: Value =
            sent.json(&json!({"query": query})).send().await.expect("an answer").json().await.expect("JSON");
        assert_eq!(answer["errors"], Value::Null, "{answer}");
        answer["data"].clone()
    }

    async fn update(&self, chat: &str, fields: &str) {
        self.ask(&update_chat_mutation(chat, fields, "id")).await;
    }

    /// Changes a chat on the phone, as the owner does.
    async fn phone(&self, chat: &str, change: Value) {
        let url = format!("{}/accounts/{}/chats/{chat}", self.ready_field("sandbox"), self.ready_field("phone"));
        let sent = reqwest::Client::new().post(url).json(&change).send().await.expect("an answer");
        assert!(sent.status().is_success());
    }

    async fn stored(&self) -> Vec<Value> {
        let query = "{ chats(first: 200) { nodes { jid type archived pinned mutedUntil unreadCount markedUnread \
                     lastMessageAt session { id } } } }";
        self.ask(query).await["chats"]["nodes"].as_array().expect("chats").clone()
    }

    /// Returns the chats with a message on the phone.
    async fn shown(&self) -> Vec<Value> {
        let shown: Value =
            get(&format!("{}/accounts/{}/chats", self.ready_field("sandbox"), self.ready_field("phone"))).await;
        let shown = shown.as_array().expect("chats").iter();
        shown.filter(|chat| chat["lastMessageAt"] != Value::Null).cloned().collect()
    }

    /// Waits until API and phone agree, and these chats are archived or not.
    async fn wait_until_in_sync(&self, archived: &[(&String, bool)]) {
        let fields = ["jid", "archived", "pinned", "mutedUntil", "unreadCount", "markedUnread", "lastMessageAt"];
        let comparable = |chats: Vec<Value>| {
            let mut chats: Vec<_> = chats.iter().map(|chat| fields.map(|field| chat[field].to_string())).collect();
            chats.sort();
            chats
        };
        wait_for("the phone and the API to agree", async || {
            let (stored, shown) = (self.stored().await, self.shown().await);
            let is = |(jid, wanted): &(&String, bool)| {
                stored.iter().any(|chat| chat["jid"] == **jid && chat["archived"] == *wanted)
            };
            let wanted = archived.iter().all(is);
            (wanted && comparable(stored) == comparable(shown)).then_some(())
        })
        .await;
    }

    /// Stops the demo with SIGTERM and expects a clean exit. The shell's own `kill` is on every machine.
    fn ends_when_asked(mut self) {
        let kill = format!("kill {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().expect("sh").success());
        assert!(self.child.wait().expect("ends").success());
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // The process may have exited already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

async fn get(url: &str) -> Value {
    reqwest::get(url).await.expect("an answer").json().await.expect("JSON")
}
