//! The demo account on a running sandbox.

use std::{collections::HashSet, time::Duration};

use chatgraph_sandbox::{Config, Sandbox, demo};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use whatsapp_rust::prelude::Event;

use crate::support::{Companion, at, soon};

#[tokio::test]
async fn the_phone_shows_the_account_as_it_is_described() {
    let sandbox = Sandbox::start(Config::default()).await.unwrap();
    let spec = demo::account(None, at(0));
    let phone = sandbox.create_account(spec.clone()).unwrap();

    let chats = phone.chats();
    assert_eq!(chats.len(), spec.history.len());
    for chat in &spec.history {
        let shown = chats.iter().find(|shown| shown.jid == chat.jid).unwrap();
        assert_eq!((shown.archived, shown.pinned), (chat.archived, chat.pinned), "{}", chat.jid);
        assert_eq!((shown.unread_count, shown.marked_unread), (chat.unread_count, chat.marked_unread), "{}", chat.jid);
        assert_eq!((shown.muted_until, shown.last_message_at), (chat.muted_until, chat.last_message_at()));
    }
    let nameless = chats.iter().filter(|chat| chat.name.is_none());
    assert_eq!(nameless.count(), 1, "one contact is known only by number");
    sandbox.stop().await;
}

#[tokio::test]
async fn activity_starts_after_two_seconds_and_ends_with_the_stop() {
    let sandbox = Sandbox::start(Config::default()).await.unwrap();
    let phone = sandbox.create_account(demo::account(None, at(0))).unwrap();
    let (stop, before) = (CancellationToken::new(), phone.chats());

    let activity = tokio::spawn(demo::activity(phone.clone(), stop.clone()));
    let changed = async {
        while phone.chats() == before {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(10), changed).await.expect("nothing happens");

    stop.cancel();
    timeout(Duration::from_secs(1), activity).await.expect("it does not stop").unwrap();
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_linked_client_receives_every_chat_and_later_events() {
    let sandbox = Sandbox::start(Config::default()).await.unwrap();
    let phone = sandbox.create_account(demo::account(None, at(0))).unwrap();
    let mut companion = Companion::start(&sandbox).await;
    let code = companion.qr().await;
    soon("the pairing", phone.scan(&code)).await.unwrap();

    let chats: HashSet<String> = phone.chats().into_iter().map(|chat| chat.jid).collect();
    let mut told = HashSet::new();
    while told != chats {
        let conversations = companion.next("more of the history", |event| match event {
            Event::HistorySync(chunk) => Some(chunk.get().expect("a readable chunk").conversations.clone()),
            _ => None,
        });
        told.extend(conversations.await.into_iter().map(|conversation| conversation.id));
    }
    soon("the first sync", phone.connected()).await.unwrap();

    let stop = CancellationToken::new();
    let activity = tokio::spawn(demo::activity(phone, stop.clone()));
    let (_, chat, text) = companion.text().await;
    assert_eq!((chat.as_str(), text.as_str()), ("12135550122@s.whatsapp.net", "追跡番号です: UJ 5501 22 🍵"));

    stop.cancel();
    activity.await.unwrap();
    companion.stop().await;
    sandbox.stop().await;
}
