//! Tests of the group commit.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{
    FutureExt as _,
    future::{join_all, select_all},
};
use sea_orm::{
    ConnectionTrait as _,
    sqlx::{Connection as _, Executor as _, PgConnection},
};
use tokio::{sync::Barrier, time::timeout};
use tokio_util::sync::CancellationToken;

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn changes_of_many_writers_are_numbered_without_gaps() {
    let test = TestStore::open().await;
    let writers = (0..200).map(|user| test.add_chat(user, 1_000));
    join_all(writers).await;
    assert_eq!(numbers(&test.log().await), (1..=200).collect::<Vec<_>>());
    let head = test.store.log_head(&test.organization).await.expect("a head");
    assert_eq!(head.number, 200);
}

#[tokio::test]
async fn a_failing_unit_is_undone_alone() {
    let test = TestStore::open().await;
    let failing = {
        let mut chat = chat(test.session, 1, 1);
        test.store.write(&test.organization, move |unit| {
            Box::pin(async move {
                let created = chat.created(1, Origin::Import);
                unit.insert_chat(&chat).await?;
                unit.record(created);
                Err::<(), _>(StoreError::Corrupt { table: "chat", column: "jid" })
            })
        })
    };
    let (failed, kept) = tokio::join!(failing, test.add_chat(2, 2));
    assert!(matches!(failed, Err(StoreError::Corrupt { .. })));
    let log = test.log().await;
    assert_eq!(numbers(&log), [1]);
    assert_eq!(log[0].chat, kept.id);
    let gone = test.store.chat(&test.organization, test.session, &chat(test.session, 1, 1).jid).await;
    assert_eq!(gone.expect("a read"), None);
}

#[tokio::test]
async fn a_panicking_unit_is_undone_alone() {
    let test = TestStore::open().await;
    let panicking = test.store.write(&test.organization, |_| Box::pin(async { panic!("on purpose") }));
    let (panicked, _): (Result<(), StoreError>, _) = tokio::join!(panicking, test.add_chat(1, 1));
    assert!(matches!(panicked, Err(StoreError::Closed)));
    assert_eq!(numbers(&test.log().await), [1]);
}

#[tokio::test]
async fn a_reader_misses_no_change_though_two_processes_write() {
    let test = TestStore::open().await;
    let other = test.another().await;
    let writing = join_all((0..300).map(|user| {
        let store = if user % 2 == 0 { &test.store } else { &other };
        let (organization, chat) = (test.organization.clone(), chat(test.session, user, 1));
        async move { add(store, &organization, chat).await }
    }));
    timeout(PATIENCE, async { tokio::join!(writing, read_up_to(&test, 300)) }).await.expect("within the time limit");
}

#[tokio::test]
async fn two_processes_do_not_undo_what_the_other_stored() {
    let test = TestStore::open().await;
    let other = test.another().await;
    let chat = test.add_chat(1, 1).await;
    let raised = join_all((0..60).map(|number| {
        let store = if number % 2 == 0 { &test.store } else { &other };
        let (session, jid) = (test.session, chat.jid.clone());
        store.write(&test.organization, move |unit| {
            Box::pin(async move {
                let found = unit.chat_for_update(session, &jid).await?;
                let mut chat = found.expect("stored");
                chat.unread_count += 1;
                unit.save_chat(&chat).await
            })
        })
    }));
    for raised in timeout(PATIENCE, raised).await.expect("within the time limit") {
        raised.expect("stored");
    }
    let stored = test.store.chat(&test.organization, test.session, &chat.jid).await.expect("a read").expect("stored");
    assert_eq!(stored.unread_count, 60);
}

#[tokio::test]
async fn one_organization_commits_one_batch_at_a_time() {
    let test = TestStore::open().await;
    let under_way = Arc::new(AtomicUsize::new(0));
    let units = (0..100).map(|_| {
        let (session, under_way) = (test.session, Arc::clone(&under_way));
        test.store.write(&test.organization, move |unit| {
            Box::pin(async move {
                assert_eq!(under_way.fetch_add(1, Ordering::SeqCst), 0, "another batch is under way");
                unit.session_for_update(session).await?;
                under_way.fetch_sub(1, Ordering::SeqCst);
                Ok::<_, StoreError>(())
            })
        })
    });
    for unit in join_all(units).await {
        unit.expect("stored");
    }
}

#[tokio::test]
async fn organizations_write_independently_with_several_writers() {
    let test = TestStore::open().await;
    let quick = async {
        if on_postgres() {
            let organization = "org_2".parse().expect("an id");
            add_session(&test.store, &organization).await;
        }
    };
    while_a_unit_is_under_way(&test, quick).await;
}

#[tokio::test]
async fn sessions_write_independently_with_several_writers() {
    let test = TestStore::open().await;
    let quick = async {
        // Among that many sessions some use another queue.
        let units = (0..32).map(|_| {
            let idle = test.store.write_session(&test.organization, SessionId::new(1), |_| Box::pin(async { Ok(()) }));
            idle.boxed()
        });
        if on_postgres() {
            let (first, ..): (Result<(), StoreError>, _, _) = select_all(units).await;
            first.expect("stored");
        }
    };
    while_a_unit_is_under_way(&test, quick).await;
}

#[tokio::test]
async fn changes_of_many_sessions_are_numbered_without_gaps() {
    let test = TestStore::open().await;
    let sessions = join_all((0..20).map(|_| add_session(&test.store, &test.organization))).await;
    let units = (0..300).map(|user| {
        let mut chat = chat(sessions[user % 20], user, 1);
        test.store.write_session(&test.organization, chat.session, move |unit| {
            Box::pin(async move {
                let created = chat.created(1, Origin::Import);
                unit.insert_chat(&chat).await?;
                unit.record(created);
                Ok::<_, StoreError>(())
            })
        })
    });
    let both = async { tokio::join!(join_all(units), read_up_to(&test, 300)) };
    let (stored, ()) = timeout(PATIENCE, both).await.expect("within the time limit");
    for unit in stored {
        unit.expect("stored");
    }
}

#[tokio::test]
async fn a_unit_that_makes_light_of_a_failed_statement_fails_alone() {
    let test = TestStore::open().await;
    let known = test.add_chat(1, 1).await;
    let careless = test.store.write(&test.organization, move |unit| {
        Box::pin(async move {
            let twice = unit.insert_chat(&known).await;
            assert!(twice.is_err());
            Ok::<_, StoreError>(())
        })
    });
    let (careless, _, _) = tokio::join!(careless, test.add_chat(2, 2), test.add_chat(3, 3));
    assert!(careless.is_err());
    assert_eq!(numbers(&test.log().await), [1, 2, 3]);
}

#[tokio::test]
async fn a_unit_that_undoes_the_whole_transaction_fails_alone() {
    let test = TestStore::open().await;
    // SQLite rolls back by itself if the disk is full.
    let by_itself = "INSERT OR ROLLBACK INTO organization SELECT * FROM organization";
    for (undo, first) in [("ROLLBACK", 1), (if on_postgres() { "ROLLBACK" } else { by_itself }, 3)] {
        let undoing = test.store.write(&test.organization, move |unit| {
            Box::pin(async move { Ok::<_, StoreError>(unit.tx.execute_unprepared(undo).await.map(drop)?) })
        });
        let (_, undone, _) = tokio::join!(test.add_chat(first, 1), undoing, test.add_chat(first + 1, 1));
        assert!(undone.is_err(), "{undo}");
    }
    // Another process sees the committed changes only.
    let log = test.another().await.changes(&test.organization, 0, 100).await.expect("a log");
    assert_eq!(numbers(&log), [1, 2, 3, 4]);
}

#[tokio::test]
async fn a_unit_that_makes_the_commit_fail_fails_alone() {
    let test = TestStore::open().await;
    let late = if on_postgres() {
        "CREATE TABLE late (number INTEGER UNIQUE DEFERRABLE INITIALLY DEFERRED); INSERT INTO late VALUES (1), (1)"
    } else {
        "PRAGMA defer_foreign_keys = ON; \
         INSERT INTO device_record (session_id, kind, key, value) VALUES (x'00', 1, x'00', x'00')"
    };
    for first in [1, 3] {
        let failing = test.store.write(&test.organization, move |unit| {
            Box::pin(async move { Ok::<_, StoreError>(unit.tx.execute_unprepared(late).await.map(drop)?) })
        });
        let (_, failed, _) = tokio::join!(test.add_chat(first, 1), failing, test.add_chat(first + 1, 1));
        assert!(matches!(failed, Err(StoreError::Database(_))), "{failed:?}");
    }
    let log = test.another().await.changes(&test.organization, 0, 100).await.expect("a log");
    assert_eq!(numbers(&log), [1, 2, 3, 4]);
    assert!(test.is_empty("device_record").await);
}

#[tokio::test]
async fn processes_that_wait_for_each_other_both_come_to_an_end() {
    let test = TestStore::open().await;
    let other = test.another().await;
    let (one, two) = (test.add_chat(1, 1).await, test.add_chat(2, 2).await);
    // Each transaction locks one chat before it requests the other's lock. SQLite starts the second when the first has
    // ended.
    let both = Arc::new(Barrier::new(if on_postgres() { 2 } else { 1 }));
    let crossing = |store: Store, first: &Chat, second: &Chat| {
        let (organization, session) = (test.organization.clone(), test.session);
        let input = (Arc::clone(&both), [first.id, second.id], Arc::new(AtomicUsize::new(0)));
        async move {
            let work = store.write_session_with_retry(
                &organization,
                session,
                input,
                |(both, [first, second], tried), unit| {
                    Box::pin(async move {
                        let mut chat = unit.chat_by_id_for_update(first).await?.expect("stored");
                        if tried.fetch_add(1, Ordering::SeqCst) == 0 {
                            both.wait().await;
                        }
                        unit.chat_by_id_for_update(second).await?;
                        let change = chat.created(9, Origin::Device);
                        unit.save_chat(&chat).await?;
                        unit.record(change);
                        Ok::<_, StoreError>(())
                    })
                },
            );
            work.await
        }
    };
    let crossed = async { tokio::join!(crossing(test.store.clone(), &one, &two), crossing(other, &two, &one)) };
    let crossed = timeout(PATIENCE, crossed).await.expect("within the time limit");
    crossed.0.expect("stored");
    crossed.1.expect("stored");
    assert_eq!(numbers(&test.log().await), [1, 2, 3, 4]);
}

#[tokio::test]
async fn running_units_are_retried_on_another_connection() {
    let test = TestStore::open().await;
    if !on_postgres() {
        return;
    }
    let mut cutter = PgConnection::connect(test.database.url()).await.expect("a connection");
    let (begun, go_on) = (CancellationToken::new(), CancellationToken::new());
    let session = test.session;
    let cut = {
        let (begun, go_on) = (begun.clone(), go_on.clone());
        test.store.write(&test.organization, move |unit| {
            Box::pin(async move {
                begun.cancel();
                go_on.cancelled().await;
                unit.session_for_update(session).await
            })
        })
    };
    let cutting = async {
        begun.cancelled().await;
        cut_all(&mut cutter).await;
        go_on.cancel();
    };
    let (cut, ()) = timeout(PATIENCE, async { tokio::join!(cut, cutting) }).await.expect("within the time limit");
    let found: Option<Session> = cut.map_err(|failed: StoreError| failed).expect("carried out");
    assert_eq!(found.map(|session| session.id), Some(test.session));
    test.add_chat(1, 1).await;
    // No transaction is active this time: no writer sees an error, however many connections in the pool are dead.
    let barrier = Arc::new(Barrier::new(4));
    let at_once = (0..4).map(|number| {
        let (store, barrier) = (&test.store, Arc::clone(&barrier));
        let organization: OrganizationId = format!("org_{number}").parse().expect("an id");
        async move {
            let met = store.write(&organization, move |_| {
                Box::pin(async move {
                    barrier.wait().await;
                    Ok::<_, StoreError>(())
                })
            });
            met.await.expect("stored");
        }
    });
    timeout(PATIENCE, join_all(at_once)).await.expect("within the time limit");
    // Nor does a reader.
    join_all((0..8).map(|_| test.log())).await;
    cut_all(&mut cutter).await;
    assert_eq!(numbers(&test.log().await), [1]);
    test.add_chat(2, 2).await;
    assert_eq!(numbers(&test.log().await), [1, 2]);
}

/// Runs `quick` to its end while a transaction of the test's session is active.
async fn while_a_unit_is_under_way(test: &TestStore, quick: impl Future<Output = ()>) {
    let (begun, go_on) = (CancellationToken::new(), CancellationToken::new());
    let (is_begun, may_go_on) = (begun.clone(), go_on.clone());
    let slow = test.store.write_session(&test.organization, test.session, |_| {
        Box::pin(async move {
            is_begun.cancel();
            may_go_on.cancelled().await;
            Ok::<_, StoreError>(())
        })
    });
    let quick = async {
        begun.cancelled().await;
        quick.await;
        go_on.cancel();
    };
    let (slow, ()) = timeout(PATIENCE, async { tokio::join!(slow, quick) }).await.expect("within the time limit");
    slow.expect("stored");
}

/// Reads the log up to a number while others write. The visible log is always a prefix: after a change is read, no
/// earlier one appears.
async fn read_up_to(test: &TestStore, number: i64) {
    let mut last = 0;
    while last < number {
        for change in test.store.changes(&test.organization, last, 50).await.expect("a log") {
            assert_eq!(change.number, last + 1, "a change was missing when the next one was read");
            last += 1;
        }
    }
}

/// Terminates all other connections to the database, as a server restart does.
async fn cut_all(cutter: &mut PgConnection) {
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    while cutter.execute(cut).await.expect("cut").rows_affected() > 0 {}
}

async fn add(store: &Store, organization: &OrganizationId, mut chat: Chat) {
    let added: Result<(), StoreError> = store
        .write(organization, move |unit| {
            Box::pin(async move {
                let created = chat.created(1, Origin::Import);
                unit.insert_chat(&chat).await?;
                unit.record(created);
                Ok(())
            })
        })
        .await;
    added.expect("stored");
}
