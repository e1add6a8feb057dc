//! Tests of the use cases without a schema.

use std::time::Duration;

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::*;
use crate::{
    auth::viewer::{Forbidden, Principal},
    clock::SystemClock,
    domain::{
        capability::Capabilities,
        chat_list::ChatList,
        chat_view::ChatColumns,
        id::KeyId,
        page::{Direction, PageRequest},
    },
    session::{self, Endpoint},
    store::tests::TestStore,
};

fn chats(test: &TestStore) -> Chats {
    let (clock, tasks, stop) = (Arc::new(SystemClock), TaskTracker::new(), CancellationToken::new());
    let feed = Feed::start(test.store.clone(), crate::feed::Config::default(), &tasks, stop.clone());
    let sessions = Registry::new(
        test.store.clone(),
        clock.clone(),
        session::Config { connect_timeout: Duration::ZERO, ..session::Config::new(Endpoint::WhatsApp) },
        Arc::new(|_| unreachable!("no session is started")),
        tasks,
        stop,
    );
    Chats::new(test.store.clone(), feed, sessions, Purger::default(), MuteExpirer::default(), clock, Config::default())
}

/// A viewer who has every permission except this one.
fn all_but(test: &TestStore, capability: Capability) -> Viewer {
    Viewer {
        organization: Some(test.organization.clone()),
        principal: Principal::ApiKey(KeyId::new(1)),
        capabilities: Capabilities::all() - capability,
        expires_at: None,
    }
}

#[tokio::test]
async fn every_use_case_asks_for_its_capability_again() {
    let test = TestStore::open().await;
    let chat = test.add_chat(1, 1).await;
    let (chats, target) = (chats(&test), ChatRef::Address { session: None, cid: chat.jid });
    let page = PageRequest { limit: 1, direction: Direction::Forward, cursor: None };
    let chat_page = PageRequest { limit: 1, direction: Direction::Forward, cursor: None };

    let viewer = all_but(&test, Capability::Read);
    let refused = [
        chats.list(&viewer, ChatList::default(), chat_page, ChatColumns::all()).await.err(),
        chats.lists(&viewer, &[], ChatColumns::all()).await.err(),
        chats.count(&viewer, &[]).await.err(),
        chats.chat(&viewer, &target, ChatColumns::all()).await.err(),
        chats.messages(&viewer, &[(chat.id, page)]).await.err(),
        chats.messages_by_ids(&viewer, &[]).await.err(),
        chats.log_head(&viewer).await.err(),
    ];
    for refused in refused {
        assert!(matches!(refused, Some(Error::Forbidden(Forbidden(Capability::Read)))), "{refused:?}");
    }
    let viewer = all_but(&test, Capability::Send);
    let refused =
        [chats.update(&viewer, &target, ChatUpdate::default()).await.err(), chats.delete(&viewer, &target).await.err()];
    for refused in refused {
        assert!(matches!(refused, Some(Error::Forbidden(Forbidden(Capability::Send)))), "{refused:?}");
    }
    let viewer = all_but(&test, Capability::Events);
    let refused = chats.follow(&viewer, None, None, None).await.err();
    assert!(matches!(refused, Some(Error::Forbidden(Forbidden(Capability::Events)))), "{refused:?}");
}
