//! Tests of the supervisor with fake connections, in paused time.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::super::SessionEvent;
use super::super::connection::ConnectionEvent;
use super::super::connection::DisconnectReason;
use super::super::connection::SessionError;
use super::super::testing::FakeConnection;
use super::super::testing::Fixture;
use super::super::testing::NOW;
use crate::domain::session::Pairing;
use crate::domain::session::PairingCode;
use crate::domain::session::SessionStatus;
use crate::domain::session::StatusCode;
use crate::domain::session::StatusReason;

/// The time that closing a fake connection takes.
const TAKING_DOWN: Duration = Duration::from_millis(510);

fn code(qr: &str, seconds: u64) -> ConnectionEvent {
    ConnectionEvent::QrCode { qr: qr.into(), valid_for: Duration::from_secs(seconds) }
}

/// Starts the session, which shows its first QR code.
async fn to_be_paired(rig: &mut Fixture) -> Arc<FakeConnection> {
    rig.start();
    rig.status().await;
    let connection = rig.connection().await;
    connection.signals(code("2@one", 60)).await;
    assert_eq!(rig.status().await.0, SessionStatus::ScanQrCode);
    connection
}

fn shows(text: &str, seconds: i64) -> Option<PairingCode> {
    let expires_at = NOW.checked_add(seconds * 1_000)?;
    Some(PairingCode { text: text.into(), expires_at })
}

#[tokio::test(start_paused = true)]
async fn a_session_is_paired_and_works() {
    let mut rig = Fixture::new();
    rig.start();
    assert_eq!(rig.status().await, (SessionStatus::Starting, None));
    let connection = rig.connection().await;

    connection.signals(code("2@one", 60)).await;
    assert_eq!(rig.status().await, (SessionStatus::ScanQrCode, None));
    let pairing = Pairing { qr: shows("2@one", 60), code: None };
    assert_eq!(rig.registry.pairing(rig.key.session), Some(pairing));

    connection.signals(ConnectionEvent::Paired).await;
    assert_eq!(rig.status().await, (SessionStatus::Starting, None));
    assert_eq!(rig.registry.pairing(rig.key.session), None);

    connection.signals(ConnectionEvent::Synced).await;
    assert_eq!(rig.status().await, (SessionStatus::Working, None));
}

#[tokio::test(start_paused = true)]
async fn a_code_that_expires_is_followed_by_the_next() {
    let mut rig = Fixture::new();
    rig.start();
    rig.status().await;
    let connection = rig.connection().await;
    let mut changes = rig.registry.pairing_changes(rig.key.session).unwrap();

    for qr in ["2@one", "2@two"] {
        connection.signals(code(qr, 20)).await;
        changes.wait_for(|pairing| pairing.qr == shows(qr, 20)).await.unwrap();
    }
    connection.signals(code("2@late", 0)).await;
    changes.wait_for(|pairing| pairing.qr == shows("2@late", 0)).await.unwrap();
    assert_eq!(rig.registry.pairing(rig.key.session), None, "an expired code is not offered");
}

#[tokio::test(start_paused = true)]
async fn a_pairing_timeout_fails_the_session_until_it_is_started_again() {
    let mut rig = Fixture::new();
    let connection = to_be_paired(&mut rig).await;
    connection.signals(ConnectionEvent::Ended(DisconnectReason::PairingTimedOut)).await;
    let (status, reason) = rig.status().await;
    assert_eq!(status, SessionStatus::Failed);
    assert!(reason.is_some_and(|reason| reason.words.starts_with("pairing timed out")));
    assert_eq!(rig.registry.pairing(rig.key.session), None);

    rig.start();
    assert_eq!(rig.status().await.0, SessionStatus::Starting);
    rig.connection().await;
    assert_eq!(rig.whatsapp.forgotten.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn after_an_ending_that_needs_a_person_nothing_connects_by_itself() {
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
async fn a_connection_that_never_comes_in_step_is_followed_by_another_after_a_pause_that_grows() {
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
async fn however_often_a_connection_breaks_that_was_in_step_the_next_one_follows_within_seconds() {
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
async fn sessions_that_lose_their_connections_together_do_not_come_back_together() {
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
    assert!(rig.event().await.is_none(), "the lane is closed");
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
async fn a_session_is_unlinked_as_soon_as_it_is_connected_and_not_for_longer_than_allowed() {
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
async fn a_replaced_code_is_reported() {
    let mut rig = Fixture::new();
    let connection = to_be_paired(&mut rig).await;
    connection.signals(code("2@two", 20)).await;
    assert!(matches!(rig.event().await, Some((SessionEvent::PairingRenewed, None))));
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
async fn a_code_may_wait_as_long_as_there_are_codes() {
    let mut rig = Fixture::new();
    rig.start();
    let connection = rig.connection().await;
    connection.signals(code("2@one", 60)).await;
    assert!(!rig.connects_within(Duration::from_hours(1)).await);
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
async fn messages_that_were_not_taken_renew_the_connection_ever_more_seldom() {
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
async fn a_session_without_a_receiver_can_be_stopped_and_started_again() {
    let mut rig = Fixture::new();
    let connection = rig.working().await;
    rig.close_lane();
    connection.signals(ConnectionEvent::Ended(DisconnectReason::Dropped)).await;
    rig.registry.stop(rig.key.session).await;
    assert_eq!(rig.live(), 0);
    rig.close_lane();
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
async fn a_session_whose_receiver_closes_gets_another_one() {
    let mut rig = Fixture::new();
    let connection = rig.working().await;
    rig.close_lane();
    connection.signals(ConnectionEvent::Ended(DisconnectReason::Dropped)).await;
    let (status, reason) = rig.status().await;
    assert_eq!((status, reason.is_some()), (SessionStatus::Starting, true));
    let connection = rig.connection().await;
    connection.signals(ConnectionEvent::Synced).await;
    assert_eq!(rig.status().await, (SessionStatus::Working, None));
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

#[tokio::test(start_paused = true)]
async fn a_code_to_be_typed_is_asked_for_as_soon_as_the_session_waits_to_be_paired() {
    let mut rig = Fixture::new();
    let (session, limit) = (rig.key.session, Duration::from_secs(5));
    let asked = rig.registry.request_code(session, "15550100001", limit).await;
    assert!(matches!(asked, Err(SessionError::NotConnected)), "it does not run");
    rig.start();
    rig.status().await;
    let connection = rig.connection().await;
    let asked = rig.registry.request_code(session, "15550100001", limit).await;
    assert!(matches!(asked, Err(SessionError::TimedOut)), "it is not connected");

    let registry = rig.registry.clone();
    let asking = rig.tasks.spawn(async move { registry.request_code(session, "15550100001", limit).await });
    connection.signals(code("2@one", 60)).await;
    assert_eq!(rig.status().await.0, SessionStatus::ScanQrCode);
    asking.await.unwrap().unwrap();
    let pairing = Pairing { qr: shows("2@one", 60), code: shows("10000105", 180) };
    assert_eq!(rig.registry.pairing(session), Some(pairing));
    assert!(matches!(rig.event().await, Some((SessionEvent::PairingRenewed, None))));

    // Neither another QR code nor the end of the codes changes it.
    connection.signals(code("2@two", 20)).await;
    rig.event().await;
    connection.signals(ConnectionEvent::NoQrCodeLeft).await;
    rig.event().await;
    assert_eq!(rig.registry.pairing(session), Some(Pairing { qr: None, code: shows("10000105", 180) }));
    assert!(matches!(rig.event().await, Some((SessionEvent::Status { status: SessionStatus::Failed, .. }, _))));
}

#[tokio::test(start_paused = true)]
async fn without_any_code_left_the_pairing_has_expired() {
    let mut rig = Fixture::new();
    let connection = to_be_paired(&mut rig).await;
    connection.signals(ConnectionEvent::PhoneCode { code: "12345678".into(), valid_for: Duration::from_mins(3) }).await;
    rig.event().await;
    connection.signals(ConnectionEvent::NoQrCodeLeft).await;
    rig.event().await;
    connection.signals(ConnectionEvent::PhoneCodeVoid).await;
    rig.event().await;
    assert_eq!(rig.status().await.0, SessionStatus::Failed);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_paired_gets_no_code_to_be_typed() {
    let mut rig = Fixture::new();
    let _connection = rig.working().await;
    let asked = rig.registry.request_code(rig.key.session, "15550100001", Duration::from_secs(5)).await;
    assert!(matches!(asked, Err(SessionError::NotConnected)));
}
