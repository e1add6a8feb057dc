//! Pairing: codes, their replacement and their end.

use super::*;

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
async fn a_pairing_timeout_fails_the_session_until_a_restart() {
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
async fn a_replaced_code_is_reported() {
    let mut rig = Fixture::new();
    let connection = to_be_paired(&mut rig).await;
    connection.signals(code("2@two", 20)).await;
    assert!(matches!(rig.event().await, Some((SessionEvent::PairingRenewed, None))));
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
async fn a_pairing_code_is_requested_once_the_session_waits_for_it() {
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
