//! Tests of the supervisor with fake connections, in paused time.

mod pairing;
mod reconnect;
mod stop;

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::time::Instant;

use super::super::{
    SessionEvent,
    connection::{ConnectionEvent, DisconnectReason, SessionError},
    testing::{FakeConnection, Fixture, NOW},
};
use crate::domain::session::{Pairing, PairingCode, SessionStatus, StatusCode, StatusReason};

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
