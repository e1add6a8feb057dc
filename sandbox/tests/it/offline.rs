use whatsapp_rust::prelude::Event;

use crate::support::{self, ADA, BOB, Companion, account, jid, paired, shown, soon};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_while_offline_arrive_once() {
    let (sandbox, phone, companion) = paired(account()).await;
    let store = companion.stop().await;
    soon("the end of the connection", phone.disconnected()).await.unwrap();

    let ids = [
        phone.receive("15550100002", ADA, "one").await.unwrap(),
        phone.receive("15550100002", ADA, "two").await.unwrap(),
    ];
    phone.pin(BOB, true).await.unwrap();
    phone.pin(BOB, false).await.unwrap();
    assert_eq!(phone.pending(), 3, "two messages, and one notice about one collection");

    let mut companion = Companion::resume(&sandbox, store).await;
    let (mut texts, mut pins) = (Vec::new(), Vec::new());
    while texts.len() < 2 || pins.len() < 2 {
        let event = companion.next("what was missed", |event| Some(event.clone())).await;
        texts.extend(support::texts(&event).into_iter().map(|(id, ..)| id));
        if let Event::PinUpdate(update) = event {
            pins.push((update.jid, update.action.pinned));
        }
    }
    assert_eq!(texts, ids);
    assert_eq!(pins, [(jid(BOB), Some(true)), (jid(BOB), Some(false))]);
    soon("the receipts", phone.settled()).await.unwrap();

    let store = companion.stop().await;
    soon("the end of the connection", phone.disconnected()).await.unwrap();
    let mut companion = Companion::resume(&sandbox, store).await;
    companion.connected().await;
    let last = phone.receive("15550100002", ADA, "last").await.unwrap();
    assert_eq!(companion.text().await.0, last, "nothing is delivered again");
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_reconnects_after_a_network_failure() {
    let (sandbox, phone, mut companion) = paired(account()).await;

    phone.cut().await;
    soon("the cut", phone.disconnected()).await.unwrap();
    phone.receive("15550100002", ADA, "are you there?").await.unwrap();

    assert_eq!(companion.text().await.2, "are you there?");
    soon("the receipt", phone.settled()).await.unwrap();
    companion.client.chat_actions().archive_chat(&jid(ADA), crate::support::everything()).await.unwrap();
    assert!(shown(&phone, ADA).archived);
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_connection_of_one_device_replaces_the_first() {
    let (sandbox, phone, mut companion) = paired(account()).await;
    let mut second = Companion::resume(&sandbox, companion.backend.clone()).await;

    companion.next("StreamReplaced", |event| matches!(event, Event::StreamReplaced(_)).then_some(())).await;

    second.connected().await;
    assert_eq!(phone.companions(), 1);
    companion.stop().await;
    second.stop().await;
    sandbox.stop().await;
}
