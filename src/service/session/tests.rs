//! The use cases without a schema in front of them.

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::*;
use crate::auth::viewer::Forbidden;
use crate::auth::viewer::Principal;
use crate::clock::SystemClock;
use crate::domain::id::KeyId;
use crate::domain::page::Direction;
use crate::session;
use crate::session::Endpoint;
use crate::store::tests::TestStore;

fn sessions(test: &TestStore) -> Sessions {
    let clock = Arc::new(SystemClock);
    let registry = Registry::new(
        test.store.clone(),
        clock.clone(),
        session::Config::new(Endpoint::WhatsApp),
        Arc::new(|_| unreachable!("no session is started")),
        TaskTracker::new(),
        CancellationToken::new(),
    );
    Sessions::new(test.store.clone(), registry, SessionNews::default(), Sweeper::default(), clock)
}

/// A viewer who may do anything but these.
fn all_but(test: &TestStore, without: &[Capability]) -> Viewer {
    Viewer {
        organization: Some(test.organization.clone()),
        principal: Principal::ApiKey(KeyId::new(1)),
        capabilities: Capability::ALL.into_iter().filter(|other| !without.contains(other)).collect(),
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

    let viewer = all_but(&test, &[Capability::Read]);
    let page = PageRequest { limit: 1, direction: Direction::Forward, cursor: None };
    let refused = [sessions.list(&viewer, page).await.err(), sessions.session(&viewer, id).await.err()];
    asks(Capability::Read, &refused);

    let viewer = all_but(&test, &[Capability::Events]);
    asks(Capability::Events, &[sessions.follow(&viewer, None).await.err()]);

    let viewer = all_but(&test, &[Capability::Manage]);
    let session = sessions.session(&viewer, id).await.expect("a session");
    let refused = [
        sessions.create(&viewer, None, None).await.err(),
        sessions.start(&viewer, id).await.err(),
        sessions.stop(&viewer, id).await.err(),
        sessions.update(&viewer, id, SessionUpdate::default()).await.err(),
        sessions.log_out(&viewer, id).await.err(),
        sessions.delete(&viewer, id).await.err(),
        sessions.pairing(&viewer, &session).err(),
    ];
    asks(Capability::Manage, &refused);
    assert_eq!(test.store.sessions_by_ids(&test.organization, &[id]).await.expect("a read"), [session]);

    let nobody = all_but(&test, &Capability::ALL);
    assert!(matches!(sessions.by_ids(&nobody, &[id]).await.err(), Some(Error::Forbidden(_))));
}
