//! Tests of the use cases without a schema.

use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::*;
use crate::{
    auth::viewer::{Forbidden, Principal},
    clock::SystemClock,
    domain::{capability::Capabilities, id::KeyId, page::Direction},
    service::session::watch::SessionChange,
    session::{self, Endpoint},
    store::tests::{TestStore, add_session},
};

fn sessions(test: &TestStore) -> Sessions {
    let clock = Arc::new(SystemClock);
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let registry = Registry::new(
        test.store.clone(),
        clock.clone(),
        session::Config::new(Endpoint::WhatsApp),
        Arc::new(|_| unreachable!("no session is started")),
        tasks.clone(),
        stop.clone(),
    );
    Sessions::new(test.store.clone(), registry, SessionBroadcast::default(), Purger::default(), clock, tasks, stop)
}

/// A viewer who has every permission except these.
fn all_but(test: &TestStore, without: impl Into<Capabilities>) -> Viewer {
    Viewer {
        organization: Some(test.organization.clone()),
        principal: Principal::ApiKey(KeyId::new(1)),
        capabilities: Capabilities::all() - without.into(),
        expires_at: None,
    }
}

#[tokio::test]
async fn every_use_case_asks_for_its_capability_again() {
    let test = TestStore::open().await;
    let (sessions, id) = (sessions(&test), test.session);
    let asks = |capability: Capability, refused: &[Option<Error>]| {
        for (place, refused) in refused.iter().enumerate() {
            let asked = matches!(refused, Some(Error::Forbidden(Forbidden(which))) if *which == capability);
            assert!(asked, "{capability}, {place}: {refused:?}");
        }
    };

    let viewer = all_but(&test, Capability::Read);
    let page = PageRequest { limit: 1, direction: Direction::Forward, cursor: None };
    let refused = [sessions.list(&viewer, page).await.err(), sessions.session(&viewer, id).await.err()];
    asks(Capability::Read, &refused);

    let viewer = all_but(&test, Capability::Events);
    asks(Capability::Events, &[sessions.follow(&viewer, None).await.err()]);

    let viewer = all_but(&test, Capability::Manage);
    let session = sessions.session(&viewer, id).await.expect("a session");
    let refused = [
        sessions.create(&viewer, None, None).await.err(),
        sessions.start(&viewer, id).await.err(),
        sessions.stop(&viewer, id).await.err(),
        sessions.update(&viewer, id, SessionUpdate::default()).await.err(),
        sessions.request_code(&viewer, id, "15550100000").await.err(),
        sessions.resync(&viewer, id).await.err(),
        sessions.log_out(&viewer, id).await.err(),
        sessions.delete(&viewer, id).await.err(),
        sessions.pairing(&viewer, &session).err(),
    ];
    asks(Capability::Manage, &refused);
    assert_eq!(test.store.sessions_by_ids(&test.organization, &[id]).await.expect("a read"), [session]);

    let nobody = all_but(&test, Capabilities::all());
    assert!(matches!(sessions.by_ids(&nobody, &[id]).await.err(), Some(Error::Forbidden(_))));
}

#[tokio::test]
async fn subscribers_of_sessions_share_one_reader() {
    const LISTENERS: usize = 50;
    let test = TestStore::open().await;
    let sessions = sessions(&test);
    let viewer = all_but(&test, Capabilities::empty());
    let mut listeners = Vec::new();
    for place in 0..LISTENERS {
        let one = (place % 2 == 0).then_some(test.session);
        let mut listener = sessions.follow(&viewer, one).await.expect("a listener");
        let first = next(&mut listener).await.expect("the session");
        assert_eq!((first.id, first.session.is_some()), (test.session, true));
        listeners.push(listener);
    }
    assert_eq!(sessions.readers.reads(), 1, "later subscribers reuse the first read");
    for label in ["a", "b"] {
        let update = SessionUpdate { label: Some(label.into()), ..SessionUpdate::default() };
        sessions.update(&viewer, test.session, update).await.expect("renamed");
        for listener in &mut listeners {
            let changed = next(listener).await.and_then(|change| change.session).expect("the session");
            assert_eq!(changed.label.as_deref(), Some(label));
        }
    }
    assert_eq!(sessions.readers.reads(), 3, "one read for each change, for any number of subscribers");

    let other = sessions.create(&viewer, None, None).await.expect("made");
    sessions.delete(&viewer, other.id).await.expect("deleted");
    sessions.delete(&viewer, test.session).await.expect("deleted");
    for listener in &mut listeners {
        while next(listener).await.is_some_and(|change| (change.id, change.session.is_some()) != (test.session, false))
        {
        }
    }
    assert_eq!(next(&mut listeners[0]).await, None, "the followed session was deleted");
    drop(listeners);
    let mut late = sessions.follow(&viewer, None).await.expect("a listener");
    let made = sessions.create(&viewer, None, None).await.expect("made");
    assert_eq!(next(&mut late).await.map(|change| change.id), Some(made.id), "earlier deletions are not reported");
}

#[tokio::test]
async fn a_subscriber_receives_changes_of_sessions_by_another_process() {
    let test = TestStore::open().await;
    let sessions = sessions(&test);
    let viewer = all_but(&test, Capabilities::empty());
    let mut listener = sessions.follow(&viewer, None).await.expect("a listener");
    next(&mut listener).await.expect("the session");
    let id = add_session(&test.another().await, &test.organization).await;
    assert_eq!(next(&mut listener).await.map(|change| change.id), Some(id));
}

async fn next(listener: &mut SessionChanges) -> Option<SessionChange> {
    timeout(Duration::from_secs(30), listener.next()).await.expect("within the time limit").expect("a change")
}
