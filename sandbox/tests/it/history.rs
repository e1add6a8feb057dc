use std::collections::BTreeMap;

use chatgraph_sandbox::{
    AccountSpec, FOREVER,
    spec::{ChatSpec, MessageSpec},
};
use whatsapp_rust::{prelude::Event, waproto::whatsapp::HistorySync};

use crate::support::{ADA, BOB, Companion, GROUP, account, at, jid, paired, sandbox, soon};

/// Returns all history that the client receives, in the order of the chunks; it emits downloaded ones as they arrive.
async fn history(companion: &mut Companion) -> Vec<HistorySync> {
    let mut chunks = BTreeMap::new();
    let mut count = None;
    while count != Some(chunks.len()) {
        let chunk = companion.next("a chunk of history", |event| match event {
            Event::HistorySync(chunk) => Some(chunk.get().expect("a readable chunk").clone()),
            _ => None,
        });
        let chunk = chunk.await;
        let order = chunk.chunk_order.expect("a numbered chunk");
        if chunk.progress == Some(100) {
            count = Some(order as usize + 1);
        }
        chunks.insert(order, chunk);
    }
    chunks.into_values().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_history_arrives_with_every_field() {
    let sandbox = sandbox().await;
    let phone = sandbox.create_account(account()).unwrap();
    let mut companion = Companion::start(&sandbox).await;
    let code = companion.qr().await;
    phone.scan(&code).await.unwrap();

    let chunks = history(&mut companion).await;

    let conversations: Vec<_> = chunks.iter().flat_map(|chunk| &chunk.conversations).collect();
    let by_jid: BTreeMap<_, _> = conversations.iter().map(|chat| (chat.id.as_str(), *chat)).collect();
    assert_eq!(by_jid.len(), 3);

    let ada = by_jid[ADA];
    assert_eq!(ada.name.as_deref(), Some("Ada Lovelace"));
    assert_eq!(ada.lid_jid.as_deref(), Some("200000000000002@lid"));
    assert_eq!((ada.archived, ada.unread_count, ada.marked_as_unread), (Some(false), Some(1), Some(false)));
    assert!(ada.pinned.is_some_and(|pinned| pinned > 1_700_000_000), "pinned in seconds");
    assert_eq!(ada.conversation_timestamp, u64::try_from(at(2) / 1000).ok());
    let texts: Vec<_> = ada.messages.iter().map(|entry| entry.message.message.conversation.clone().unwrap()).collect();
    assert_eq!(texts, ["Hello", "Hello Ada"]);
    assert_eq!(ada.messages[1].message.key.from_me, Some(true));

    let bob = by_jid[BOB];
    assert_eq!((bob.archived, bob.pinned, bob.marked_as_unread), (Some(true), Some(0), Some(true)));
    assert_eq!(bob.mute_end_time, Some(4_000_000_000), "in seconds");

    let group = by_jid[GROUP];
    assert_eq!((group.name.as_deref(), group.participant.len()), (Some("Engines"), 3));
    assert_eq!(group.messages[0].message.participant.as_deref(), Some(BOB));

    let names: Vec<_> = chunks.iter().flat_map(|chunk| &chunk.pushnames).collect();
    assert!(
        names.iter().any(|name| name.id.as_deref() == Some(ADA) && name.pushname.as_deref() == Some("ada lovelace"))
    );
    soon("every receipt", phone.settled()).await.unwrap();
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_history_is_downloaded_in_chunks() {
    let chat = |number: i64| ChatSpec {
        jid: format!("1555020{number:04}@s.whatsapp.net"),
        messages: (0..200).map(|minute| MessageSpec { from: None, text: "x".repeat(100), at: at(minute) }).collect(),
        ..ChatSpec::default()
    };
    let spec = AccountSpec { history: (0..40).map(chat).collect(), ..account() };
    let sandbox = sandbox().await;
    let phone = sandbox.create_account(spec).unwrap();
    let mut companion = Companion::start(&sandbox).await;
    let code = companion.qr().await;
    phone.scan(&code).await.unwrap();

    let chunks = history(&mut companion).await;

    assert!(chunks.len() > 4, "{} chunks", chunks.len());
    let chats: usize = chunks.iter().map(|chunk| chunk.conversations.len()).sum();
    let messages: usize = chunks.iter().flat_map(|chunk| &chunk.conversations).map(|chat| chat.messages.len()).sum();
    assert_eq!((chats, messages), (41, 8000));
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_settings_of_the_past_arrive_as_app_state_too() {
    let mut spec = account();
    spec.history[0].muted_until = Some(FOREVER);
    let sandbox = sandbox().await;
    let phone = sandbox.create_account(spec).unwrap();
    let mut companion = Companion::start(&sandbox).await;
    let code = companion.qr().await;
    phone.scan(&code).await.unwrap();

    let (mut contact, mut archived, mut muted) = (None, None, BTreeMap::new());
    while contact.is_none() || archived.is_none() || muted.len() < 2 {
        let event = companion.next("a setting", |event| Some(event.clone())).await;
        match event {
            Event::ContactUpdate(update) if update.jid == jid(ADA) => contact = update.action.full_name.clone(),
            Event::ArchiveUpdate(update) if update.jid == jid(BOB) => archived = update.action.archived,
            Event::MuteUpdate(update) => {
                muted.insert(update.jid.to_string(), update.action.mute_end_timestamp);
            }
            _ => {}
        }
    }

    assert_eq!(contact.as_deref(), Some("Ada Lovelace"));
    assert_eq!(archived, Some(true));
    assert_eq!((muted[ADA], muted[BOB]), (Some(-1), Some(4_000_000_000_000)));
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_companion_receives_the_current_state() {
    let (sandbox, phone, first) = paired(account()).await;
    phone.archive(ADA, true).await.unwrap();
    phone.receive("15550100002", ADA, "news").await.unwrap();
    phone.archive(ADA, true).await.unwrap();
    let mut second = Companion::start(&sandbox).await;
    let code = second.qr().await;
    phone.scan(&code).await.unwrap();

    let chunks = history(&mut second).await;

    let ada = chunks.iter().flat_map(|chunk| &chunk.conversations).find(|chat| chat.id == ADA).unwrap();
    assert_eq!((ada.archived, ada.pinned, ada.unread_count), (Some(true), Some(0), Some(2)));
    assert_eq!(phone.companions(), 2);
    first.stop().await;
    second.stop().await;
    sandbox.stop().await;
}
