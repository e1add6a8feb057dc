use chatgraph_sandbox::FOREVER;
use whatsapp_rust::{SyncActionMessageRange, prelude::Event};

use crate::support::{ADA, BOB, GROUP, account, everything, jid, paired, shown, soon};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn client_settings_appear_on_the_phone() {
    let (sandbox, phone, companion) = paired(account()).await;
    let actions = companion.client.chat_actions();
    let group = jid(GROUP);

    actions.archive_chat(&group, everything()).await.unwrap();
    assert!(shown(&phone, GROUP).archived);
    actions.unarchive_chat(&group, everything()).await.unwrap();
    assert!(!shown(&phone, GROUP).archived);

    actions.pin_chat(&group).await.unwrap();
    assert!(shown(&phone, GROUP).pinned);
    actions.unpin_chat(&group).await.unwrap();
    assert!(!shown(&phone, GROUP).pinned);

    actions.mute_chat(&group).await.unwrap();
    assert_eq!(shown(&phone, GROUP).muted_until, Some(FOREVER));
    actions.mute_chat_until(&group, 4_100_000_000_000).await.unwrap();
    assert_eq!(shown(&phone, GROUP).muted_until, Some(4_100_000_000_000));
    actions.unmute_chat(&group).await.unwrap();
    assert_eq!(shown(&phone, GROUP).muted_until, None);

    actions.mark_chat_as_read(&jid(ADA), true, everything()).await.unwrap();
    assert_eq!(shown(&phone, ADA).unread_count, 0);
    actions.mark_chat_as_read(&jid(ADA), false, everything()).await.unwrap();
    assert!(shown(&phone, ADA).marked_unread);
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chat_called_by_its_lid_is_the_same_chat() {
    let (sandbox, phone, companion) = paired(account()).await;
    companion.client.chat_actions().archive_chat(&jid("200000000000002@lid"), everything()).await.unwrap();
    assert!(shown(&phone, ADA).archived);
    assert_eq!(shown(&phone, ADA).aliases, ["200000000000002@lid"]);
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_receives_what_the_phone_sets() {
    let (sandbox, phone, mut companion) = paired(account()).await;

    phone.archive(ADA, true).await.unwrap();
    let archived = companion.next("the archiving", |event| match event {
        Event::ArchiveUpdate(update) if update.jid == jid(ADA) => update.action.archived,
        _ => None,
    });
    assert!(archived.await);
    let pinned = companion.next("the unpinning", |event| match event {
        Event::PinUpdate(update) if update.jid == jid(ADA) => update.action.pinned,
        _ => None,
    });
    assert!(!pinned.await);
    assert!(!shown(&phone, ADA).pinned, "archived chats are not pinned");

    phone.mute(ADA, Some(FOREVER)).await.unwrap();
    let muted = companion.next("the mute", |event| match event {
        Event::MuteUpdate(update) if update.jid == jid(ADA) => update.action.mute_end_timestamp,
        _ => None,
    });
    assert_eq!(muted.await, -1);

    phone.mark_read(ADA, true).await.unwrap();
    let read = companion.next("the reading", |event| match event {
        Event::MarkChatAsReadUpdate(update) if update.jid == jid(ADA) => update.action.read,
        _ => None,
    });
    assert!(read.await);
    assert_eq!(shown(&phone, ADA).unread_count, 0);

    phone.pin(BOB, true).await.unwrap();
    let pinned = companion.next("the pin", |event| match event {
        Event::PinUpdate(update) if update.jid == jid(BOB) => update.action.pinned,
        _ => None,
    });
    assert!(pinned.await);
    soon("every notice", phone.settled()).await.unwrap();
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chats_are_cleared_and_deleted_from_both_sides() {
    let (sandbox, phone, mut companion) = paired(account()).await;

    phone.clear(ADA, None).await.unwrap();
    let cleared = |event: &Event| match event {
        Event::ClearChatUpdate(update) => Some(update.jid.clone()),
        _ => None,
    };
    assert_eq!(companion.next("the clearing", cleared).await, jid(ADA));
    assert_eq!((shown(&phone, ADA).unread_count, shown(&phone, ADA).last_message_at), (0, None));

    phone.delete(ADA, None).await.unwrap();
    let deleted = |event: &Event| match event {
        Event::DeleteChatUpdate(update) => Some(update.jid.clone()),
        _ => None,
    };
    assert_eq!(companion.next("the deletion", deleted).await, jid(ADA));
    assert!(phone.chats().iter().all(|chat| chat.jid != ADA));

    companion.client.chat_actions().delete_chat(&jid(BOB), true, everything()).await.unwrap();
    assert!(phone.chats().iter().all(|chat| chat.jid != BOB));
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_pin_too_many_takes_the_place_of_the_oldest() {
    let (sandbox, phone, mut companion) = paired(account()).await;
    let stranger = "15550100077@s.whatsapp.net";
    phone.receive("15550100077", stranger, "hello").await.unwrap();
    companion.text().await;

    for chat in [GROUP, BOB, stranger] {
        companion.client.chat_actions().pin_chat(&jid(chat)).await.unwrap();
        assert!(shown(&phone, chat).pinned);
    }

    assert!(!shown(&phone, BOB).archived, "a pinned chat is not in the archive");
    assert!(!shown(&phone, ADA).pinned);
    let unpinned = companion.next("the oldest pin going", |event| match event {
        Event::PinUpdate(update) if update.jid == jid(ADA) => (update.action.pinned == Some(false)).then_some(()),
        _ => None,
    });
    unpinned.await;
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patches_with_a_new_key_are_read_once_it_is_shared() {
    let (sandbox, phone, mut companion) = paired(account()).await;
    let archived = |event: &Event| match event {
        Event::ArchiveUpdate(update) if update.jid == jid(ADA) => update.action.archived,
        _ => None,
    };
    phone.renew_key(true).await.unwrap();
    soon("the acknowledgement", phone.settled()).await.unwrap();
    phone.archive(ADA, true).await.unwrap();
    assert!(companion.next("the archiving", archived).await);
    // The client encrypts its settings with the latest key that it has.
    companion.client.chat_actions().pin_chat(&jid(GROUP)).await.unwrap();
    assert!(shown(&phone, GROUP).pinned);

    phone.renew_key(false).await.unwrap();
    phone.archive(ADA, false).await.unwrap();
    phone.share_keys().await.unwrap();
    assert!(!companion.next("the unarchiving", archived).await);
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_action_without_a_message_range_changes_nothing() {
    let (sandbox, phone, companion) = paired(account()).await;
    let before = (phone.chats(), phone.messages(ADA).unwrap());
    let actions = companion.client.chat_actions();
    for range in [None, Some(SyncActionMessageRange::default())] {
        actions.archive_chat(&jid(ADA), range.clone()).await.unwrap();
        actions.mark_chat_as_read(&jid(ADA), true, range.clone()).await.unwrap();
        actions.clear_chat(&jid(ADA), true, true, range.clone()).await.unwrap();
        actions.delete_chat(&jid(ADA), true, range).await.unwrap();
    }
    assert_eq!((phone.chats(), phone.messages(ADA).unwrap()), before);
    // The phone itself can delete a chat without messages.
    phone.clear(ADA, None).await.unwrap();
    phone.delete(ADA, None).await.unwrap();
    assert!(phone.chats().iter().all(|chat| chat.jid != ADA));
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contact_that_a_client_saves_has_that_name_on_the_phone() {
    let (sandbox, phone, companion) = paired(account()).await;
    let name = Some("Robert".to_owned());
    companion.client.chat_actions().save_contact(&jid(BOB), name, None, true).await.unwrap();
    assert_eq!(shown(&phone, BOB).name.as_deref(), Some("Robert"));
    companion.stop().await;
    sandbox.stop().await;
}
