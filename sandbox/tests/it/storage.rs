//! A sandbox with a data folder, stopped and started again.
#![expect(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use std::{collections::BTreeMap, net::TcpListener, path::Path};

use chatgraph_sandbox::{Config, Error, Sandbox};
use serde_json::{Value, json};
use whatsapp_rust::prelude::Event;

use crate::{
    demo_program::{Running, program},
    support::{ADA, BOB, Companion, OWNER, account, jid, shown, soon},
};

async fn stored_in(folder: &Path) -> Sandbox {
    Sandbox::start(Config { data: Some(folder.to_owned()), ..Config::default() }).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_sandbox_continues_with_its_companion() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = stored_in(folder.path()).await;
    let phone = sandbox.create_account(account()).unwrap();
    let mut companion = Companion::start(&sandbox).await;
    companion.pair(&phone).await;
    companion.client.chat_actions().archive_chat(&jid(ADA), crate::support::everything()).await.unwrap();
    let store = companion.stop().await;
    soon("the end of the connection", phone.disconnected()).await.unwrap();
    let id = phone.receive("15550100003", BOB, "while you were away").await.unwrap();
    phone.pin(BOB, true).await.unwrap();
    let (chats, pending) = (phone.chats(), phone.pending());
    sandbox.stop().await;
    drop((sandbox, phone));

    let sandbox = stored_in(folder.path()).await;
    let phone = sandbox.account(OWNER).unwrap();
    assert_eq!((phone.chats(), phone.pending(), phone.companions()), (chats, pending, 1));
    let mut companion = Companion::resume(&sandbox, store).await;
    assert_eq!(companion.text().await.0, id);
    soon("the receipts", phone.settled()).await.unwrap();

    companion.client.chat_actions().unarchive_chat(&jid(ADA), crate::support::everything()).await.unwrap();
    assert!(!shown(&phone, ADA).archived);
    phone.archive(ADA, true).await.unwrap();
    let archived =
        |event: &Event| matches!(event, Event::ArchiveUpdate(update) if update.action.archived == Some(true));
    companion.next("the phone's archiving", |event| archived(event).then_some(())).await;
    assert!(!companion.has_shown_a_code());
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_sandbox_has_kept_everything_it_sent() {
    let folder = tempfile::tempdir().unwrap();
    // Clients reconnect to the same port.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let start = || {
        let mut command = program();
        command.args(["--json", "--listen", &format!("127.0.0.1:{port}"), "--data"]).arg(folder.path());
        let mut running = Running::start(&mut command);
        (running.announcement(), running)
    };
    let (said, mut running) = start();
    let phone = Remote { url: said["url"].as_str().unwrap().to_owned(), client: reqwest::Client::new() };
    phone.post("/accounts", &serde_json::to_value(account()).unwrap()).await;
    let mut companion = Companion::start_at(&phone.url, said["key"].as_str().unwrap()).await;
    let qr = companion.qr().await;
    phone.post("/accounts/15550100001/scan", &json!({"qr": qr})).await;
    companion.connected().await;

    let mut sent = BTreeMap::new();
    for round in 0..4 {
        for (number, chat) in [("15550100002", ADA), ("15550100003", BOB), ("15550100002", ADA)] {
            let text = format!("{round}.{}", sent.len());
            let message = json!({"from": number, "chat": chat, "text": text});
            let answer = phone.post("/accounts/15550100001/messages", &message).await;
            sent.insert(answer["id"].as_str().unwrap().to_owned(), 0);
        }
        let archive = round % 2 == 0;
        let pin = json!({"pinned": archive});
        phone.post(&format!("/accounts/15550100001/chats/{ADA}"), &pin).await;
        // The companion's own action comes last: its answer means that everything is stored.
        let actions = companion.client.chat_actions();
        let done = if archive {
            actions.archive_chat(&jid(BOB), crate::support::everything()).await
        } else {
            actions.unarchive_chat(&jid(BOB), crate::support::everything()).await
        };
        done.unwrap();
        // While deliveries, receipts and notifications are in progress.
        drop(running);
        running = start().1;

        let chats = phone.get("/accounts/15550100001/chats").await;
        let chat = |jid: &str| chats.as_array().unwrap().iter().find(|chat| chat["jid"] == jid).unwrap().clone();
        assert_eq!(chat(BOB)["archived"], archive, "an action that the companion got an answer for is lost");
        assert_eq!(chat(ADA)["pinned"], archive, "an action that the script got an answer for is lost");
        // Each message so far arrives once: none is lost, and none has to be encrypted again.
        while sent.values().any(|times| *times == 0) {
            let (id, ..) = companion.text().await;
            *sent.get_mut(&id).unwrap() += 1;
        }
        companion.logged_in().await;
    }
    assert!(sent.values().all(|times| *times == 1), "{sent:?}");
    let log = phone.get("/log").await.to_string();
    assert!(!log.contains("encrypted again") && !log.contains("asked to repeat"), "{log}");
    companion.stop().await;
    drop(running);
}

#[tokio::test]
async fn a_folder_is_of_one_sandbox_at_a_time_and_read_with_care() {
    let folder = tempfile::tempdir().unwrap();
    let config = || Config { data: Some(folder.path().to_owned()), ..Config::default() };
    let first = stored_in(folder.path()).await;
    first.create_account(account()).unwrap();
    assert!(matches!(Sandbox::start(config()).await, Err(Error::InUse(_))));
    first.stop().await;
    drop(first);

    let file = folder.path().join("accounts").join(format!("{OWNER}.json"));
    let content = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, content.replacen("\"format\":1", "\"format\":2", 1)).unwrap();
    let Err(Error::Storage { path, source }) = Sandbox::start(config()).await else {
        panic!("a file of an unknown format was accepted")
    };
    assert_eq!((path, source.to_string()), (file, "unsupported format 2; expected 1".to_owned()));
}

/// A phone over the JSON interface.
struct Remote {
    url: String,
    client: reqwest::Client,
}

impl Remote {
    async fn get(&self, path: &str) -> Value {
        self.client.get(format!("{}{path}", self.url)).send().await.unwrap().json().await.unwrap()
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.client.post(format!("{}{path}", self.url)).json(body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap());
        answer.json().await.unwrap()
    }
}
