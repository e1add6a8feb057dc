//! Requests of a client to the phone, between the owner's own devices.

use chatgraph_sandbox::spec::{AccountSpec, ChatSpec, MessageSpec};
use whatsapp_rust::{
    prelude::Event,
    types::message::{MessageInfo, MessageSource},
    waproto::whatsapp::{HistorySync, conversation::EndOfHistoryTransferType, history_sync::HistorySyncType},
};

use crate::support::{ADA, BOB, Companion, account, at, jid, paired, soon};

/// Returns an account with a chat of five messages, one a minute.
fn account_with_messages() -> AccountSpec {
    let said = |minute: i64| MessageSpec { from: None, text: format!("said at {minute}"), at: at(minute) };
    let chat = ChatSpec { jid: BOB.to_owned(), messages: (0..5).map(said).collect(), ..ChatSpec::default() };
    AccountSpec { history: vec![chat], ..account() }
}

/// Returns the next requested part of the history.
async fn on_demand(companion: &mut Companion) -> HistorySync {
    let chunk = companion.next("older messages", |event| match event {
        Event::HistorySync(chunk) => {
            let chunk = chunk.get().expect("a readable chunk");
            Some(chunk.clone()).filter(|chunk| chunk.sync_type == HistorySyncType::ON_DEMAND)
        }
        _ => None,
    });
    chunk.await
}

fn texts(chunk: &HistorySync) -> Vec<String> {
    let messages = &chunk.conversations[0].messages;
    messages.iter().map(|entry| entry.message.message.conversation.clone().expect("a text")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_gets_the_older_messages_it_asks_for() {
    let (sandbox, phone, mut companion) = paired(account_with_messages()).await;
    let said = phone.messages(BOB).unwrap();
    let client = companion.client.clone();

    client.fetch_message_history(&jid(BOB), &said[3].id, true, said[3].at, 2).await.unwrap();
    let chunk = on_demand(&mut companion).await;
    assert_eq!(chunk.conversations[0].id, BOB);
    assert_eq!(texts(&chunk), ["said at 2", "said at 1"]);
    let more = EndOfHistoryTransferType::COMPLETE_BUT_MORE_MESSAGES_REMAIN_ON_PRIMARY;
    assert_eq!(chunk.conversations[0].end_of_history_transfer_type, Some(more));

    // If the phone does not have the message, its time counts.
    client.fetch_message_history(&jid(BOB), "GONE", true, said[1].at, 50).await.unwrap();
    let chunk = on_demand(&mut companion).await;
    assert_eq!(texts(&chunk), ["said at 0"]);
    let all = EndOfHistoryTransferType::COMPLETE_AND_NO_MORE_MESSAGE_REMAIN_ON_PRIMARY;
    assert_eq!(chunk.conversations[0].end_of_history_transfer_type, Some(all));
    soon("every receipt", phone.settled()).await.unwrap();
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_phone_sends_once_more_what_a_client_could_not_open() {
    let (sandbox, phone, mut companion) = paired(account()).await;
    let id = phone.receive_late("15550100002", ADA, "Can you read this?").await.unwrap();
    let source = MessageSource { chat: jid(ADA), sender: jid(ADA), ..MessageSource::default() };
    let info = MessageInfo { id: id.clone(), source, ..MessageInfo::default() };

    companion.client.send_pdo_placeholder_resend_request(&info.into()).await.unwrap();
    assert_eq!(companion.text().await, (id, ADA.to_owned(), "Can you read this?".to_owned()));
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_that_is_off_gives_no_key() {
    let (sandbox, phone, mut companion) = paired(account()).await;
    phone.renew_key(false).await.unwrap();
    phone.archive(ADA, true).await.unwrap();
    let off = async {
        while !sandbox.log().iter().any(|entry| entry.text.contains("a phone that is off")) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    soon("the question for the key", off).await;
    phone.share_keys().await.unwrap();
    let archived = companion.next("the archiving", |event| match event {
        Event::ArchiveUpdate(update) if update.jid == jid(ADA) => update.action.archived,
        _ => None,
    });
    assert!(archived.await);
    companion.stop().await;
    sandbox.stop().await;
}
