use std::time::Duration;

use chatgraph_sandbox::Error;
use whatsapp_rust::{prelude::Event, store::SignalStore};

use crate::support::{ADA, BOB, GROUP, OWNER, account, jid, paired, shown, soon};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_arrives_once_and_is_confirmed() {
    let (sandbox, phone, mut companion) = paired(account()).await;

    let id = phone.receive("15550100002", ADA, "first").await.unwrap();
    let second = phone.receive(ADA, ADA, "second").await.unwrap();

    assert_eq!(companion.text().await, (id, ADA.to_owned(), "first".to_owned()));
    assert_eq!(companion.text().await, (second, ADA.to_owned(), "second".to_owned()));
    soon("the receipts", phone.settled()).await.unwrap();
    assert_eq!(shown(&phone, ADA).unread_count, 3);
    assert!(shown(&phone, ADA).last_message_at > Some(1_770_000_000_000));
    let third = phone.receive(ADA, ADA, "third").await.unwrap();
    assert_eq!(companion.text().await.0, third, "each message is delivered once");
    assert!(!sandbox.log().iter().any(|entry| entry.text.contains("type=\"retry\"")));
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_may_write() {
    let (sandbox, phone, mut companion) = paired(account()).await;
    let stranger = "15550100077@s.whatsapp.net";

    phone.receive("15550100077", stranger, "who are you?").await.unwrap();

    assert_eq!(companion.text().await.1, stranger);
    assert_eq!(shown(&phone, stranger).unread_count, 1);
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archived_chat_stays_archived_after_a_message() {
    let (sandbox, phone, mut companion) = paired(account()).await;
    phone.archive(ADA, true).await.unwrap();

    phone.receive("15550100002", ADA, "hello?").await.unwrap();

    companion.text().await;
    assert!(shown(&phone, ADA).archived);
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_companion_gets_its_own_copy() {
    let (sandbox, phone, mut first) = paired(account()).await;
    let mut second = crate::support::Companion::start(&sandbox).await;
    second.pair(&phone).await;

    phone.receive("15550100002", ADA, "to both").await.unwrap();

    assert_eq!(first.text().await.2, "to both");
    assert_eq!(second.text().await.2, "to both");
    first.client.chat_actions().archive_chat(&jid(GROUP), crate::support::everything()).await.unwrap();
    let archived = second.next("the other's archiving", |event| match event {
        Event::ArchiveUpdate(update) if update.jid == jid(GROUP) => update.action.archived,
        _ => None,
    });
    assert!(archived.await);
    first.stop().await;
    second.stop().await;
    sandbox.stop().await;
}

#[tokio::test]
async fn a_message_from_an_unknown_sender_is_rejected() {
    let sandbox = crate::support::sandbox().await;
    let phone = sandbox.create_account(account()).unwrap();
    assert!(matches!(phone.receive(GROUP, GROUP, "x").await, Err(Error::UnknownContact(_))));
    assert!(matches!(phone.receive("15550100002", BOB, "x").await, Err(Error::UnknownChat(_))));
    assert!(matches!(phone.pin("15550100099@s.whatsapp.net", true).await, Err(Error::UnknownChat(_))));
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_the_client_cannot_decrypt_is_encrypted_again() {
    let (sandbox, phone, mut companion) = paired(account()).await;
    // Pairing uses the first key, which the client removes some time later.
    let first_removed = async {
        while companion.backend.load_prekey(1).await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon("the removal of the first key", first_removed).await;
    // The next key that the server hands out is the lowest that the client still has.
    let mut next = 2;
    while companion.backend.load_prekey(next).await.unwrap().is_none() {
        next += 1;
    }
    companion.backend.remove_prekey(next).await.unwrap();

    let id = phone.receive("15550100002", ADA, "can you read this?").await.unwrap();

    assert_eq!(companion.text().await, (id.clone(), ADA.to_owned(), "can you read this?".to_owned()));
    // The entry is logged once the message has been sent.
    let remark = format!("message {id} encrypted again");
    let noted = async {
        while !sandbox.log().iter().any(|entry| entry.text == remark) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon("the log entry", noted).await;
    soon("the receipt", phone.settled()).await.unwrap();
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_receipt_empties_the_count() {
    let (sandbox, phone, mut companion) = paired(account()).await;
    let id = phone.receive("15550100002", ADA, "read me").await.unwrap();
    companion.text().await;
    assert_eq!(shown(&phone, ADA).unread_count, 2);

    companion.client.mark_as_read(&jid(ADA), None, &[id.as_str()]).await.unwrap();

    let emptied = async {
        while shown(&phone, ADA).unread_count > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon("an empty count", emptied).await;
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_in_a_group_come_from_its_members_and_from_the_owner() {
    let (sandbox, phone, mut companion) = paired(account()).await;
    for (from, text) in [("15550100002", "one"), ("15550100003", "two"), (OWNER, "three"), ("15550100002", "four")] {
        let id = phone.receive(from, GROUP, text).await.unwrap();
        assert_eq!(companion.text().await, (id, GROUP.to_owned(), text.to_owned()));
    }
    assert_eq!(shown(&phone, GROUP).unread_count, 1, "a message of the owner marks the chat as read");
    soon("the receipts", phone.settled()).await.unwrap();
    assert!(!sandbox.log().iter().any(|entry| entry.text.contains("type=\"retry\"")));
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_written_on_the_phone_arrive_as_own() {
    let (sandbox, phone, mut companion) = paired(account()).await;
    let id = phone.receive(OWNER, ADA, "on my way").await.unwrap();
    let own = companion.next("the owner's message", |event| match event {
        Event::Messages(batch) => batch.messages.iter().find(|inbound| inbound.info.id == id).cloned(),
        _ => None,
    });
    let own = own.await;
    assert!(own.info.source.is_from_me);
    assert_eq!(own.info.source.chat, jid(ADA));
    assert_eq!(own.message.conversation.as_deref(), Some("on my way"));
    assert_eq!(shown(&phone, ADA).unread_count, 0);
    soon("the receipt", phone.settled()).await.unwrap();
    companion.stop().await;
    sandbox.stop().await;
}
