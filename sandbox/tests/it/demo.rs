//! The demo account on a running sandbox.

use std::time::Duration;

use chatgraph_sandbox::{Config, Sandbox, demo};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::support::at;

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
    assert_eq!(nameless.count(), 1, "one is known only by number");
    sandbox.stop().await;
}

#[tokio::test]
async fn something_happens_after_two_seconds_and_nothing_after_the_stop() {
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
