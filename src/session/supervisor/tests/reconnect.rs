//! Reconnects, and endings after which the session waits for a manual start.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_disconnect_that_needs_a_person_is_not_retried() {
    let endings = [
        (DisconnectReason::LoggedOut(StatusReason::unlinked()), StatusCode::Unlinked, 1),
        (DisconnectReason::Replaced, StatusCode::Replaced, 0),
        (DisconnectReason::WrongAccount, StatusCode::OtherAccount, 1),
        (DisconnectReason::Banned { reason: "spam".into(), lasts: Duration::ZERO }, StatusCode::Banned, 0),
        (DisconnectReason::Outdated, StatusCode::Outdated, 0),
        (DisconnectReason::Damaged, StatusCode::KeysDamaged, 0),
        (DisconnectReason::Refused("no".into()), StatusCode::Refused, 0),
        (DisconnectReason::PairingFailed("no".into()), StatusCode::PairingFailed, 0),
        (DisconnectReason::Unreadable { collection: "regular" }, StatusCode::SettingsUnreadable, 0),
    ];
    for (ending, code, forgotten) in endings {
        let expected = if code == StatusCode::Unlinked { SessionStatus::LoggedOut } else { SessionStatus::Failed };
        let mut rig = Fixture::new();
        let connection = rig.working().await;
        // A start requested while the session runs must not count as one requested after the end.
        rig.start();

        connection.signals(ConnectionEvent::Ended(ending.clone())).await;

        let (status, reason) = rig.status().await;
        assert_eq!(status, expected, "{ending:?}");
        let reason = reason.unwrap_or_else(|| panic!("{ending:?} has no reason"));
        assert_eq!((reason.code, reason.banned_until), (code, None), "{ending:?}");
        assert!(!reason.words.is_empty(), "{ending:?}");
        assert!(!rig.connects_within(Duration::from_hours(2)).await, "{ending:?} was answered with a connection");
        assert_eq!(rig.whatsapp.forgotten.load(Ordering::SeqCst), forgotten, "{ending:?}");
        assert_eq!(rig.live(), 0, "{ending:?} left a connection");

        rig.start();
        assert_eq!(rig.status().await.0, SessionStatus::Starting, "{ending:?}");
        rig.connection().await;
    }
}

#[tokio::test(start_paused = true)]
async fn unsynced_connections_are_retried_with_growing_delays() {
    let mut rig = Fixture::new();
    rig.start();
    rig.status().await;
    let mut connection = rig.connection().await;
    let mut sum = Duration::ZERO;
    for longest in [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60] {
        let dropped = Instant::now();
        connection.signals(ConnectionEvent::Ended(DisconnectReason::Dropped)).await;
        connection = rig.connection().await;
        let (pause, longest) = (dropped.elapsed(), Duration::from_secs(longest) + TAKING_DOWN);
        assert!(pause <= longest, "{pause:?} for {longest:?}");
        sum += pause;
    }
    // The last six delays alone take three minutes on average, and less than 30 s in one of 50,000 runs.
    assert!(sum > Duration::from_secs(30), "they do not grow: {sum:?}");
    assert_eq!(rig.most_live(), 1);
}

#[tokio::test(start_paused = true)]
async fn synced_connection_reconnects_within_seconds_each_time() {
    let mut rig = Fixture::new();
    let mut connection = rig.working().await;
    for longest in [1, 2, 4].into_iter().chain([8; 30]) {
        let (next, away) = rig.broken(&connection).await;
        assert!(away <= Duration::from_secs(longest) + TAKING_DOWN, "{away:?} for {longest} s");
        connection = next;
    }
    // A connection that was open for a minute resets the delay.
    tokio::time::sleep(Duration::from_mins(1) + TAKING_DOWN).await;
    let (_next, away) = rig.broken(&connection).await;
    assert!(away <= Duration::from_secs(1) + TAKING_DOWN, "{away:?}");
}

#[tokio::test(start_paused = true)]
async fn sessions_disconnected_together_reconnect_at_different_times() {
    let mut times = Vec::new();
    for _ in 0..40 {
        let mut rig = Fixture::new();
        let connection = rig.working().await;
        times.push(rig.broken(&connection).await.1);
    }
    let (first, last) = (times.iter().min().unwrap(), times.iter().max().unwrap());
    assert!(*last > *first + Duration::from_millis(500), "between {first:?} and {last:?}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_does_not_come_up_is_given_up_for_another() {
    let mut rig = Fixture::new();
    rig.start();
    rig.status().await;
    let started = Instant::now();
    let _first = rig.connection().await;
    let _second = rig.connection().await;
    assert!(started.elapsed() >= Duration::from_mins(4));
    assert_eq!(rig.most_live(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_reported_before_the_delay() {
    let mut rig = Fixture::new();
    let mut connection = rig.working().await;
    for _ in 0..10 {
        let lost = Instant::now();
        connection.signals(ConnectionEvent::Ended(DisconnectReason::Dropped)).await;
        assert_eq!(rig.status().await, (SessionStatus::Starting, None));
        assert!(lost.elapsed() <= TAKING_DOWN, "{:?}", lost.elapsed());
        connection = rig.connection().await;
        connection.signals(ConnectionEvent::Synced).await;
        assert_eq!(rig.status().await, (SessionStatus::Working, None));
    }
}

#[tokio::test(start_paused = true)]
async fn unaccepted_messages_renew_the_connection_with_backoff() {
    let mut rig = Fixture::new();
    let mut connection = rig.working().await;
    for longest in [10, 20, 40, 80] {
        let before = Instant::now();
        connection.signals(ConnectionEvent::CommitTimedOut).await;
        connection.signals(ConnectionEvent::CommitTimedOut).await;
        assert_eq!(rig.status().await.0, SessionStatus::Starting);
        connection = rig.connection().await;
        let pause = before.elapsed();
        let longest = Duration::from_secs(longest);
        assert!(pause <= longest + TAKING_DOWN && pause >= longest / 2, "{pause:?} for {longest:?}");
        connection.signals(ConnectionEvent::Synced).await;
        rig.status().await;
    }
    assert_eq!(rig.most_live(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_not_renewed_before_it_is_in_step() {
    let mut rig = Fixture::new();
    rig.start();
    rig.status().await;
    let connection = rig.connection().await;
    connection.signals(ConnectionEvent::CommitTimedOut).await;
    assert!(!rig.connects_within(Duration::from_mins(3)).await, "the connection was renewed before it was in step");
    connection.signals(ConnectionEvent::Synced).await;
    rig.status().await;
    assert!(rig.connects_within(Duration::from_mins(15)).await, "the connection is renewed once it is in step");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_may_pass_is_answered_with_pauses_that_grow() {
    let mut rig = Fixture::new();
    rig.start();
    assert_eq!(rig.status().await, (SessionStatus::Starting, None));
    let mut connection = rig.connection().await;
    for longest in [5, 10, 20, 40] {
        connection.signals(ConnectionEvent::Ended(DisconnectReason::RefusedForNow("429".into()))).await;
        let (status, reason) = rig.status().await;
        let reason = reason.expect("a reason").words;
        assert_eq!(status, SessionStatus::Starting);
        assert!(reason.starts_with("WhatsApp rejected the connection; the next attempt is at 20"), "{reason}");
        let (refused, longest) = (Instant::now(), Duration::from_secs(longest));
        connection = rig.connection().await;
        // Closing the fake connection takes half a second.
        let away = refused.elapsed();
        assert!(away >= longest / 2 && away <= longest + Duration::from_secs(1), "{away:?} of {longest:?}");
    }
    connection.signals(ConnectionEvent::Ended(DisconnectReason::RefusedForNow("429".into()))).await;
    rig.status().await;
    rig.start();
    let asked = Instant::now();
    rig.connection().await;
    assert!(asked.elapsed() < Duration::from_secs(1), "a requested start must not wait");
}

#[tokio::test(start_paused = true)]
async fn a_ban_ends_by_itself() {
    let mut rig = Fixture::new();
    let connection = rig.working().await;
    let banned = DisconnectReason::Banned { reason: "spam".into(), lasts: Duration::from_mins(90) };
    connection.signals(ConnectionEvent::Ended(banned)).await;
    assert_eq!(rig.status().await.0, SessionStatus::Failed);
    assert!(!rig.connects_within(Duration::from_mins(89)).await, "the account is still banned");
    assert_eq!(rig.status().await, (SessionStatus::Starting, None));
    let connection = rig.connection().await;
    connection.signals(ConnectionEvent::Synced).await;
    assert_eq!(rig.status().await.0, SessionStatus::Working);

    let endless = DisconnectReason::Banned { reason: "spam".into(), lasts: Duration::ZERO };
    connection.signals(ConnectionEvent::Ended(endless)).await;
    assert_eq!(rig.status().await.0, SessionStatus::Failed);
    assert!(!rig.connects_within(Duration::from_hours(20)).await, "a ban without an end");
}

#[tokio::test(start_paused = true)]
async fn a_ban_is_reported_with_its_end() {
    let mut rig = Fixture::new();
    let connection = rig.working().await;
    let banned = DisconnectReason::Banned { reason: "spam".into(), lasts: Duration::from_mins(90) };
    connection.signals(ConnectionEvent::Ended(banned)).await;
    // NOW is 2023-11-14T22:13:20Z.
    let told = "WhatsApp banned the account until 2023-11-14T23:43:20.000Z: spam";
    let banned_until = Some(1_700_005_400_000);
    let reason = StatusReason { code: StatusCode::Banned, words: told.into(), banned_until };
    assert_eq!(rig.status().await, (SessionStatus::Failed, Some(reason)));
}
