//! Tests of the hot reads of chats.

use super::*;
use crate::domain::{
    change::ChatField,
    chat_list::{ChatKey, ChatOrder},
    chat_view::{ChatColumn, ChatView},
    setting::Versioned,
};

const FIRST: PageRequest<ChatKey> = PageRequest { limit: 1, direction: Direction::Forward, cursor: None };

/// A chat in which every column differs from its default.
async fn add_unusual(test: &TestStore) -> Chat {
    let mut chat = test.add_chat(1, 5).await;
    chat.names.push = Some("Mei".into());
    chat.names.business = Some("Tanaka Ltd".into());
    chat.settings.archived = Versioned { value: true, as_of: 2 };
    chat.settings.pinned = Versioned { value: true, as_of: 3 };
    chat.settings.muted_until.value = Some(77);
    (chat.settings.marked_unread.value, chat.unread_count) = (true, 4);
    chat.last_message = Some(LastMessage { id: Some(MessageId::of(9, 1)), at: 9 });
    (chat.pending, chat.refused) = (ChatField::Pinned.into(), ChatField::Archived.into());
    let saved = chat.clone();
    let done: Result<(), StoreError> =
        test.store.write(&test.organization, move |unit| Box::pin(async move { unit.save_chat(&saved).await })).await;
    done.expect("saved");
    chat
}

/// The view with one column only.
fn only(column: ChatColumn, view: &ChatView) -> ChatView {
    let (mut only, full) = (ChatView::from(Chat::new(view.id, view.session, view.jid.clone(), 0)), view.clone());
    let (settings, all) = (&mut only.state.settings, full.state.settings);
    match column {
        ChatColumn::Name => only.display_name = full.display_name,
        ChatColumn::Archived => settings.archived = all.archived,
        ChatColumn::Pinned => settings.pinned = all.pinned,
        ChatColumn::MutedUntil => settings.muted_until = all.muted_until,
        ChatColumn::UnreadCount => only.state.unread_count = full.state.unread_count,
        ChatColumn::MarkedUnread => settings.marked_unread = all.marked_unread,
        ChatColumn::LastMessage => only.state.last_message = full.state.last_message,
        ChatColumn::Sync => (only.state.pending, only.state.refused) = (full.state.pending, full.state.refused),
        ChatColumn::Revision => only.revision = full.revision,
    }
    only
}

#[tokio::test]
async fn a_view_has_the_requested_columns_and_no_other() {
    let test = TestStore::open().await;
    let chat = add_unusual(&test).await;
    let whole = ChatView::from(chat.clone());
    for order in [ChatOrder::Recent, ChatOrder::Inbox] {
        let key = ChatKey::new(&chat, order);
        let lists = [(ChatList { order, session: Some(test.session), ..ChatList::default() }, FIRST)];
        let read = async |columns| {
            let read = test.store.chat_pages(&test.organization, &lists, columns, 0).await.expect("a page");
            let listed = read.pages[0].items[0].clone();
            assert_eq!(listed.key, key);
            let by_address = test.store.chat_view(&test.organization, test.session, &chat.jid, columns).await;
            assert_eq!(by_address.expect("a read"), Some(listed.chat.clone()));
            let by_id = test.store.chat_views_by_ids(&test.organization, &[chat.id], columns).await;
            assert_eq!(by_id.expect("a read"), std::slice::from_ref(&listed.chat));
            listed.chat
        };
        assert_eq!(read(ChatColumns::all()).await, whole);
        for column in ChatColumns::all() {
            let expected = only(column, &whole);
            assert_ne!(expected, Chat::new(chat.id, chat.session, chat.jid.clone(), 0).into(), "{column:?}");
            assert_eq!(read(column.into()).await, expected);
        }
    }
}

#[tokio::test]
async fn a_page_comes_with_the_logs_position_and_its_session() {
    let test = TestStore::open().await;
    let read = async |organization: &OrganizationId, session| {
        let lists = [(ChatList { session, ..ChatList::default() }, FIRST)];
        let read = test.store.chat_pages(organization, &lists, ChatColumns::default(), 0).await.expect("a page");
        (read.pages[0].items.len(), read.change_cursor.number, read.has_session)
    };
    assert_eq!(read(&test.organization, Some(test.session)).await, (0, 0, true));
    let chat = test.add_chat(1, 5).await;
    test.add_chat(2, 6).await;
    assert_eq!(read(&test.organization, Some(test.session)).await, (1, 2, true));
    assert_eq!(read(&test.organization, None).await, (1, 2, true));
    assert_eq!(read(&test.organization, Some(SessionId::new(1))).await, (0, 2, false));
    let other: OrganizationId = "org_2".parse().expect("an id");
    assert_eq!(read(&other, Some(test.session)).await, (0, 0, false));
    assert_eq!(read(&other, None).await, (0, 0, true));

    // Its chats stay until they are purged.
    let session = test.session;
    let removed: Result<(), StoreError> = test
        .store
        .write(&test.organization.clone(), move |unit| {
            Box::pin(async move {
                let mut found = unit.session_for_update(session).await?.expect("the session");
                found.removed = true;
                unit.save_session(&found).await
            })
        })
        .await;
    removed.expect("removed");
    assert!(!read(&test.organization, Some(test.session)).await.2);
    let found = test.store.chat_view(&test.organization, test.session, &chat.jid, ChatColumns::all()).await;
    assert_eq!(found.expect("a read"), None);
}
