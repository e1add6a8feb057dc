//! Every list of chats, paged in either direction with any page size, equals a plain list in memory.

use std::{cmp::Reverse, slice, time::Duration};

use proptest::{
    collection::{btree_set, vec},
    option,
    prelude::{Just, Strategy, any},
    sample::select,
    strategy::Union,
    test_runner::{Config, TestRunner},
};
use sea_orm::{ConnectionTrait as _, TransactionTrait as _};
use tokio::time::timeout;

use super::*;
use crate::domain::{
    chat::ChatType,
    chat_list::{ChatFilter, ChatKey, ChatOrder},
    chat_view::{ChatView, ListedChat},
    page::Page,
    search::SearchTerm,
    setting::Versioned,
};

const NOW: i64 = 1_000;
/// The time limit of each wait in a test.
const PATIENCE: Duration = Duration::from_secs(20);
const NAMES: [&str; 8] = ["Mei", "MEI Tanaka", "É", "100%", "a_b", "o'b\"\\", "שלום עולם", "+15"];
const SEARCHES: [&str; 10] = ["mei", "I T", "é", "%", "_", "'", "\\", "עול", "+15", "555"];
const TYPES: [ChatType; 4] = [ChatType::Dm, ChatType::Group, ChatType::Newsletter, ChatType::Broadcast];

/// The contents of one chat, without its ids and its number.
#[expect(clippy::struct_excessive_bools, reason = "a chat has this many settings")]
#[derive(Debug, Clone)]
struct Sketch {
    of_second_session: bool,
    server: &'static str,
    name: Option<&'static str>,
    at: Option<i64>,
    pinned: bool,
    pinned_as_of: i64,
    archived: bool,
    muted_until: Option<i64>,
    marked_unread: bool,
    unread_count: u32,
}

fn sketch() -> impl Strategy<Value = Sketch> {
    let servers = select(vec!["s.whatsapp.net", "lid", "g.us", "newsletter", "broadcast"]);
    let muted = option::of(select(vec![NOW - 1, NOW, NOW + 1]));
    let texts = (any::<bool>(), servers, option::of(select(&NAMES[..])), option::of(0..6_i64));
    let settings = (any::<bool>(), 0..4_i64, any::<bool>(), muted, any::<bool>(), 0..2_u32);
    (texts, settings).prop_map(|((of_second_session, server, name, at), settings)| {
        let (pinned, pinned_as_of, archived, muted_until, marked_unread, unread_count) = settings;
        Sketch {
            of_second_session,
            server,
            name,
            at,
            pinned,
            pinned_as_of,
            archived,
            muted_until,
            marked_unread,
            unread_count,
        }
    })
}

fn filter() -> impl Strategy<Value = ChatFilter> {
    let flag = || option::weighted(0.3, any::<bool>());
    let types = option::weighted(0.3, btree_set(select(&TYPES[..]), 0..3));
    let search = option::weighted(0.3, select(&SEARCHES[..]));
    let bound = || option::weighted(0.2, 0..7_i64);
    let flags = (flag(), flag(), flag(), flag(), any::<bool>());
    (flags, types, search, bound(), bound()).prop_map(|(flags, types, search, active_after, active_before)| {
        let (archived, pinned, muted, unread, include_empty) = flags;
        let search = search.map(|search| SearchTerm::new(search).expect("a search"));
        ChatFilter { archived, pinned, muted, unread, types, search, active_after, active_before, include_empty }
    })
}

fn chat_of(sketch: &Sketch, number: usize, sessions: [SessionId; 2]) -> Chat {
    let jid = format!("1555{number:07}@{}", sketch.server).parse().expect("a JID");
    let mut chat = Chat::new(ChatId::new(5), sessions[usize::from(sketch.of_second_session)], jid, 5);
    chat.names.contact = sketch.name.map(str::to_owned);
    chat.last_message = sketch.at.map(|at| LastMessage { id: None, at });
    chat.settings.pinned = Versioned { value: sketch.pinned, as_of: sketch.pinned_as_of };
    chat.settings.archived.value = sketch.archived;
    chat.settings.muted_until.value = sketch.muted_until;
    chat.settings.marked_unread.value = sketch.marked_unread;
    chat.unread_count = sketch.unread_count;
    chat
}

/// The list, computed in memory.
fn expected(chats: &[Chat], list: &ChatList) -> Vec<ChatId> {
    let filter = &list.filter;
    let is = |wanted: Option<bool>, value: bool| wanted.is_none_or(|wanted| wanted == value);
    let mut found: Vec<_> = chats
        .iter()
        .filter(|chat| list.session.is_none_or(|session| chat.session == session))
        .filter(|chat| {
            is(filter.archived, chat.settings.archived.value) && is(filter.pinned, chat.settings.pinned.value)
        })
        .filter(|chat| is(filter.muted, chat.settings.muted_until.value.is_some_and(|until| until > NOW)))
        .filter(|chat| is(filter.unread, chat.unread_count > 0 || chat.settings.marked_unread.value))
        .filter(|chat| filter.types.as_ref().is_none_or(|types| types.contains(&chat.chat_type())))
        .filter(|chat| filter.search.as_ref().is_none_or(|search| shows(chat, search.as_str())))
        .filter(|chat| {
            let bounded = filter.active_after.is_some() || filter.active_before.is_some();
            let Some(LastMessage { at, .. }) = chat.last_message else {
                return filter.include_empty && !bounded && chat.names.contact.is_some();
            };
            filter.active_after.is_none_or(|after| at >= after) && filter.active_before.is_none_or(|before| at < before)
        })
        .collect();
    found.sort_by_key(|chat| {
        let pinned_first = list.order == ChatOrder::Inbox && chat.settings.pinned.value && chat.last_message.is_some();
        let rank =
            if pinned_first { Some(chat.settings.pinned.as_of) } else { chat.last_message.map(|message| message.at) };
        Reverse((chat.last_message.is_some(), pinned_first, rank, chat.id))
    });
    found.into_iter().map(|chat| chat.id).collect()
}

fn shows(chat: &Chat, part: &str) -> bool {
    let shown = [chat.name(), chat.jid.phone_number()];
    // The only accent among the names.
    let folded = |text: &str| text.to_lowercase().replace('é', "e");
    shown.into_iter().flatten().any(|text| folded(&text).contains(&folded(part)))
}

/// Reads all pages of the list in order and checks the flags of each for adjacent pages.
async fn walk(
    test: &TestStore,
    organization: &OrganizationId,
    list: &ChatList,
    (limit, direction): (u32, Direction),
    all: &[ChatId],
) -> Vec<ChatId> {
    let (mut seen, mut cursor) = (vec![], None);
    loop {
        let request = (list.clone(), PageRequest { limit, direction, cursor });
        let page = pages(test, organization, &[request]).await.remove(0);
        let ids: Vec<_> = page.items.iter().map(|listed| listed.chat.id).collect();
        assert!(ids.len() <= limit as usize);
        let (begins, ends) = match direction {
            Direction::Forward => (seen.len(), seen.len() + ids.len()),
            Direction::Backward => (all.len() - seen.len() - ids.len(), all.len() - seen.len()),
        };
        assert_eq!((page.has_previous, page.has_next), (begins > 0, ends < all.len()), "{list:?} {direction:?}");
        let (end, more) = match direction {
            Direction::Forward => (page.items.last(), page.has_next),
            Direction::Backward => (page.items.first(), page.has_previous),
        };
        cursor = end.map(|listed| listed.key);
        match direction {
            Direction::Forward => seen.extend(ids),
            Direction::Backward => drop(seen.splice(0..0, ids)),
        }
        if !more {
            return seen;
        }
    }
}

/// Reads the pages with every column.
async fn pages(
    test: &TestStore,
    organization: &OrganizationId,
    pages: &[(ChatList, PageRequest<ChatKey>)],
) -> Vec<Page<ListedChat>> {
    test.store.chat_pages(organization, pages, ChatColumns::all(), NOW).await.expect("pages").pages
}

async fn store_all(test: &TestStore, organization: &OrganizationId, chats: &[Chat]) {
    let chats = chats.to_vec();
    let stored: Result<(), StoreError> = test
        .store
        .write(organization, move |unit| {
            Box::pin(async move {
                for chat in &chats {
                    unit.insert_chat(chat).await?;
                }
                Ok(())
            })
        })
        .await;
    stored.expect("stored");
}

#[test]
fn every_walk_through_a_list_is_the_list() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let test = runtime.block_on(TestStore::open());
    let orders = Union::new([Just(ChatOrder::Recent), Just(ChatOrder::Inbox)]);
    let lists = vec((filter(), orders, option::of(any::<bool>()), 1..8_u32), 4);
    let mut runner = TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    let result = runner.run(&(vec(sketch(), 0..24), lists), |(sketches, lists)| {
        runtime.block_on(async {
            let organization = SessionId::new(1).to_string().parse().expect("an id");
            let session = add_session(&test.store, &organization).await;
            let sessions = [session, add_session(&test.store, &organization).await];
            let numbered = (0..).zip(&sketches);
            let chats: Vec<_> = numbered.map(|(number, sketch)| chat_of(sketch, number, sessions)).collect();
            store_all(&test, &organization, &chats).await;
            for (filter, order, of_second, limit) in lists {
                let session = of_second.map(|second| sessions[usize::from(second)]);
                let list = ChatList { session, filter, order };
                let all = expected(&chats, &list);
                for direction in [Direction::Forward, Direction::Backward] {
                    let walked = walk(&test, &organization, &list, (limit, direction), &all).await;
                    assert_eq!(walked, all, "{list:?} {direction:?}");
                }
                let counted = test.store.count_chats(&organization, &[list], NOW).await.expect("a count");
                assert_eq!(counted, Some(vec![i64::try_from(all.len()).expect("few")]));
            }
        });
        Ok(())
    });
    result.unwrap_or_else(|failed| panic!("{failed}"));
}

#[tokio::test]
async fn several_lists_are_read_at_once_each_as_by_itself() {
    let test = TestStore::open().await;
    let other = add_session(&test.store, &test.organization).await;
    let sketches = (0..30).map(|number: i64| Sketch {
        of_second_session: number % 3 == 0,
        server: "s.whatsapp.net",
        name: None,
        at: Some(number / 2),
        pinned: number % 7 == 0,
        pinned_as_of: number,
        archived: false,
        muted_until: None,
        marked_unread: false,
        unread_count: 0,
    });
    let chats: Vec<_> =
        sketches.enumerate().map(|(number, sketch)| chat_of(&sketch, number, [test.session, other])).collect();
    store_all(&test, &test.organization, &chats).await;
    let (mut pages, mut alone) = (vec![], vec![]);
    for session in [Some(test.session), Some(other), None] {
        for order in [ChatOrder::Recent, ChatOrder::Inbox] {
            for direction in [Direction::Forward, Direction::Backward] {
                for cursor in [None, Some(ChatKey::new(&chats[14], order))] {
                    let list = ChatList { session, order, ..ChatList::default() };
                    pages.push((list, PageRequest { limit: 4, direction, cursor }));
                }
            }
        }
    }
    for page in &pages {
        alone.extend(self::pages(&test, &test.organization, slice::from_ref(page)).await);
    }
    let together = self::pages(&test, &test.organization, &pages).await;
    assert_eq!(together, alone);
    assert!(together.iter().all(|page| !page.items.is_empty()));
}

#[tokio::test]
async fn a_list_has_no_deleted_chat_and_none_of_another_organization() {
    let test = TestStore::open().await;
    let (kept, deleted) = (test.add_chat(1, 5).await, test.add_chat(2, 6).await);
    let done: Result<(), StoreError> = test
        .store
        .write(&test.organization, move |unit| Box::pin(async move { unit.soft_delete_chat(&deleted).await }))
        .await;
    done.expect("deleted");
    let other: OrganizationId = "org_other".parse().expect("an id");
    let others = add_session(&test.store, &other).await;
    let pinned = [None, Some(false), Some(true)];
    for order in [ChatOrder::Recent, ChatOrder::Inbox] {
        for pinned in pinned {
            for session in [Some(test.session), Some(others), None] {
                let own = session != Some(others) && pinned != Some(true);
                let list = ChatList { session, order, filter: ChatFilter { pinned, ..ChatFilter::default() } };
                for (reader, expected) in [(&test.organization, usize::from(own)), (&other, 0)] {
                    let page = (list.clone(), PageRequest { limit: 4, direction: Direction::Forward, cursor: None });
                    let page = pages(&test, reader, &[page]).await.remove(0);
                    let ids: Vec<_> = page.items.iter().map(|chat| chat.chat.id).collect();
                    assert_eq!(ids, vec![kept.id; expected], "{list:?} {reader}");
                    let count = test.store.count_chats(reader, slice::from_ref(&list), NOW).await.expect("a count");
                    assert_eq!(count, Some(vec![i64::try_from(expected).expect("few")]), "{list:?} {reader}");
                }
            }
        }
    }
}

#[tokio::test]
async fn messages_of_many_chats_are_read_at_once_each_as_by_itself() {
    let test = TestStore::open().await;
    let mut pages = vec![];
    for user in 0..5 {
        let chat = test.add_chat(user, 1).await;
        let (session, id, jid) = (test.session, chat.id, chat.jid);
        let messages = (0..7).map(|number| IncomingMessage {
            chat: jid.clone(),
            wa_id: format!("WA{number}"),
            sender: jid.clone(),
            sender_name: None,
            from_me: false,
            kind: MessageKind::Text,
            text: Some(number.to_string()),
            at: number / 3,
        });
        let messages: Vec<_> = messages.collect();
        let stored: Result<u64, StoreError> = test
            .store
            .write(&test.organization, move |unit| {
                Box::pin(async move { unit.insert_messages(session, id, &messages, 5).await })
            })
            .await;
        assert_eq!(stored.expect("stored"), 7);
        for (limit, direction) in [(3, Direction::Forward), (2, Direction::Backward), (50, Direction::Forward)] {
            pages.push((id, PageRequest { limit, direction, cursor: None }));
        }
    }
    let together = test.store.messages(&test.organization, &pages).await.expect("pages");
    for ((chat, request), page) in pages.iter().zip(&together) {
        let alone = test.store.messages(&test.organization, &[(*chat, *request)]).await.expect("a page");
        assert_eq!(alone, std::slice::from_ref(page));
        assert!(page.items.iter().all(|message| message.chat == *chat));
        let texts: Vec<_> = page.items.iter().filter_map(|message| message.text.as_deref()).collect();
        let expected: &[&str] = match (request.limit, request.direction) {
            (3, _) => &["6", "5", "4"],
            (2, _) => &["1", "0"],
            _ => &["6", "5", "4", "3", "2", "1", "0"],
        };
        assert_eq!(texts, expected);
        assert_eq!((page.has_previous, page.has_next), (request.limit == 2, request.limit == 3));
    }
}

#[tokio::test]
async fn empty_and_very_long_lists_work() {
    let test = TestStore::open().await;
    let chat = test.add_chat(1, 5).await;
    assert!(pages(&test, &test.organization, &[]).await.is_empty());
    let request = PageRequest { limit: 1, direction: Direction::Forward, cursor: None };
    let many = vec![(ChatList::default(), request); 600];
    let pages = pages(&test, &test.organization, &many).await;
    assert_eq!(pages.len(), 600);
    let expected = [ChatView::from(chat)];
    assert!(pages.iter().all(|page| page.items.iter().map(|listed| &listed.chat).eq(&expected)));
}

#[tokio::test]
async fn a_chat_is_found_by_its_present_name_and_settings() {
    let test = TestStore::open().await;
    let mut chat = test.add_chat(1, 5).await;
    let (by_name, pinned) = (
        ChatFilter { search: SearchTerm::new("poet").ok(), ..ChatFilter::default() },
        ChatFilter { pinned: Some(true), ..ChatFilter::default() },
    );
    let lists = [by_name, pinned].map(|filter| ChatList { filter, ..ChatList::default() });
    let count = async || test.store.count_chats(&test.organization, &lists, NOW).await.expect("counts");
    assert_eq!(count().await, Some(vec![0, 0]));
    chat.names.subject = Some("Poetry".into());
    chat.settings.pinned.value = true;
    let saved: Result<(), StoreError> =
        test.store.write(&test.organization, move |unit| Box::pin(async move { unit.save_chat(&chat).await })).await;
    saved.expect("saved");
    assert_eq!(count().await, Some(vec![1, 1]));
}

#[tokio::test]
async fn lists_that_are_walked_leave_readers_to_the_others() {
    let test = TestStore::open().await;
    let chat = test.add_chat(1, 5).await;
    let request = PageRequest { limit: 1, direction: Direction::Forward, cursor: None };
    let search = ChatFilter { search: SearchTerm::new("nobody").ok(), ..ChatFilter::default() };
    let searched = [(ChatList { filter: search, ..ChatList::default() }, request)];
    let all = [(ChatList::default(), request)];
    // The maximum number of scans run.
    let (walks, owner) = (&test.store.walks, Some(test.organization.clone()));
    let walking = [walks.place(&owner).await, walks.place(&owner).await];
    let mut another = Box::pin(pages(&test, &test.organization, &searched));
    assert!(futures_util::poll!(&mut another).is_pending());
    let listed = timeout(PATIENCE, pages(&test, &test.organization, &all)).await.expect("within the time limit");
    assert_eq!(listed[0].items.len(), 1);
    assert_eq!(listed[0].items[0].chat, ChatView::from(chat));
    assert!(futures_util::poll!(&mut another).is_pending());
    drop(walking);
    let found = timeout(PATIENCE, another).await.expect("within the time limit");
    assert!(found[0].items.is_empty());
}

#[tokio::test]
async fn a_count_is_given_up_after_a_second_and_the_next_one_runs() {
    let test = TestStore::open().await;
    test.add_chat(1, 5).await;
    let counters = &test.store.counters;
    let count =
        async || test.store.count_chats(&test.organization, &[ChatList::default()], NOW).await.expect("a count");
    assert_eq!(count().await, Some(vec![1]));

    let endless =
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT 1 FROM numbers) SELECT count(*) FROM numbers";
    let given_up = timeout(PATIENCE, counters.execute_unprepared(endless)).await.expect("within the time limit");
    let given_up = given_up.map_err(StoreError::from).err();
    assert!(matches!(given_up, Some(StoreError::TooSlow)), "{given_up:?}");
    assert_eq!(count().await, Some(vec![1]));

    // All connections of either database are in use.
    let held = [counters.connections.begin().await.expect("a connection")];
    let more = if on_postgres() { Some(counters.connections.begin().await.expect("another")) } else { None };
    assert_eq!(timeout(PATIENCE, count()).await.expect("within the time limit"), None);
    drop((held, more));
    assert_eq!(count().await, Some(vec![1]));
}
