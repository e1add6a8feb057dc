//! Starts, stops, and failures of the session itself.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_session_has_one_connection_at_a_time() {
    let mut rig = Fixture::new();
    let connection = rig.working().await;
    rig.start();
    rig.start();
    assert!(!rig.connects_within(Duration::from_hours(1)).await, "a second start connected again");

    connection.signals(ConnectionEvent::Ended(DisconnectReason::Dropped)).await;
    rig.connection().await;
    let registry = rig.registry.clone();
    let session = rig.key.session;
    let stopping = rig.tasks.spawn(async move { registry.stop(session).await });
    tokio::task::yield_now().await;
    rig.start();
    while rig.status().await.0 != SessionStatus::Stopped {}
    stopping.await.unwrap();
    rig.connection().await;
    assert_eq!((rig.most_live(), rig.live()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_stop_takes_the_connection_down_and_is_the_last_word() {
    let mut rig = Fixture::new();
    let connection = rig.working().await;
    let (registry, session) = (rig.registry.clone(), rig.key.session);
    let stopping = rig.tasks.spawn(async move { registry.stop(session).await });
    assert_eq!(rig.status().await, (SessionStatus::Stopped, None));
    stopping.await.unwrap();
    assert_eq!(rig.live(), 0);
    drop(connection);
    assert!(rig.event().await.is_none(), "the event queue is closed");
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_until_its_last_word_is_stored() {
    let mut rig = Fixture::new();
    let _connection = rig.working().await;
    let (registry, session) = (rig.registry.clone(), rig.key.session);
    let stopping = rig.tasks.spawn(async move { registry.stop(session).await });
    let Some((SessionEvent::Status { status: SessionStatus::Stopped, .. }, Some(committed))) = rig.event().await else {
        panic!("the final status")
    };
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert!(!stopping.is_finished(), "the stop returned before its status was stored");
    committed.send(()).unwrap();
    stopping.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn unlinking_waits_for_the_connection_up_to_its_time_limit() {
    let mut rig = Fixture::new();
    let limit = Duration::from_secs(5);
    assert!(!rig.registry.log_out(rig.key.session, limit).await, "it does not run");
    rig.start();
    rig.status().await;
    let connection = rig.connection().await;
    assert!(!rig.registry.log_out(rig.key.session, limit).await, "it is not connected");
    let (registry, session) = (rig.registry.clone(), rig.key.session);
    let leaving = rig.tasks.spawn(async move { registry.log_out(session, limit).await });
    connection.signals(ConnectionEvent::Synced).await;
    rig.status().await;
    assert_eq!(rig.status().await, (SessionStatus::LoggedOut, Some(StatusReason::unlinked())));
    assert!(leaving.await.unwrap());
    assert_eq!(rig.whatsapp.forgotten.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_failed_can_be_stopped() {
    let mut rig = Fixture::new();
    let connection = rig.working().await;
    connection.signals(ConnectionEvent::Ended(DisconnectReason::Replaced)).await;
    rig.status().await;
    let (registry, session) = (rig.registry.clone(), rig.key.session);
    rig.tasks.spawn(async move { registry.stop(session).await });
    assert_eq!(rig.status().await, (SessionStatus::Stopped, None));
}

#[tokio::test(start_paused = true)]
async fn a_process_that_stops_disconnects_and_says_nothing() {
    let mut rig = Fixture::new();
    let connection = rig.working().await;
    rig.process_stop.cancel();
    rig.tasks.close();
    rig.tasks.wait().await;
    assert_eq!(rig.live(), 0);
    drop(connection);
    assert!(rig.event().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_session_without_a_receiver_can_be_restarted() {
    let mut rig = Fixture::new();
    let connection = rig.working().await;
    rig.close_queue();
    connection.signals(ConnectionEvent::Ended(DisconnectReason::Dropped)).await;
    rig.registry.stop(rig.key.session).await;
    assert_eq!(rig.live(), 0);
    rig.close_queue();
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_that_panics_is_restarted_and_says_so() {
    let mut rig = Fixture::new();
    rig.whatsapp.panics.store(3, Ordering::SeqCst);
    rig.start();
    let began = Instant::now();
    for attempt in 0..4 {
        let (status, reason) = rig.status().await;
        assert_eq!(status, SessionStatus::Starting);
        let is_told = reason.is_some_and(|reason| reason.words.contains("internal error"));
        assert_eq!(is_told, attempt > 0, "attempt {attempt}");
        if attempt < 3 {
            // Each run starts with a new event channel.
            assert!(rig.event().await.is_none());
        }
    }
    let connection = rig.connection().await;
    // Delays of about 5, 10 and 20 s.
    assert!(began.elapsed() >= Duration::from_secs(17), "{:?}", began.elapsed());
    connection.signals(ConnectionEvent::Synced).await;
    assert_eq!(rig.status().await, (SessionStatus::Working, None));
    assert_eq!(rig.registry.metrics().restarts(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_event_queue_closes_gets_another_one() {
    let mut rig = Fixture::new();
    let connection = rig.working().await;
    rig.close_queue();
    connection.signals(ConnectionEvent::Ended(DisconnectReason::Dropped)).await;
    let (status, reason) = rig.status().await;
    assert_eq!((status, reason.is_some()), (SessionStatus::Starting, true));
    let connection = rig.connection().await;
    connection.signals(ConnectionEvent::Synced).await;
    assert_eq!(rig.status().await, (SessionStatus::Working, None));
}
