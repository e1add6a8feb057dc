//! Warnings about valid but risky settings at start-up, and about an expiring certificate.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::settings::Settings;
use crate::{
    clock::SystemClock,
    domain::clock::{self, Clock, DAY_MS},
    http::{Network, Tls},
};

/// Time before its expiry from which a certificate causes a warning.
const EXPIRY_WARNING_MS: i64 = 14 * DAY_MS;
/// Interval between checks of the certificate.
const CHECK_INTERVAL: Duration = Duration::from_hours(24);

/// Logs a warning for each valid but risky setting.
pub(super) fn of_settings(settings: &Settings, tls: Option<&Tls>) {
    if !settings.listen.ip().is_loopback() && tls.is_none() {
        let listen = settings.listen;
        warn!(%listen, "Listening without TLS: tokens and chats are sent unencrypted unless a proxy encrypts them (--tls-certificate)");
    }
    if settings.components.http.trusted_proxies.iter().any(Network::is_unrestricted) {
        warn!("--trusted-proxies trusts every address, so any client can spoof its address");
    }
    if let Some(tls) = tls {
        of_certificate(tls, &SystemClock);
    }
}

/// Checks the certificate every day, until `stop`.
pub(super) async fn watch_certificate(tls: Tls, stop: CancellationToken) {
    while stop.run_until_cancelled(sleep(CHECK_INTERVAL)).await.is_some() {
        of_certificate(&tls, &SystemClock);
    }
}

/// Logs a warning if the certificate expires soon, and an error if it has expired.
pub(super) fn of_certificate(tls: &Tls, clock: &dyn Clock) {
    let Some(expires_at) = tls.expires_at() else { return };
    let expires = clock::iso(expires_at);
    let left_ms = expires_at - clock.now();
    if left_ms <= 0 {
        error!(%expires, "The certificate has expired: clients reject it (--tls-certificate)");
    } else if left_ms < EXPIRY_WARNING_MS {
        warn!(%expires, "The certificate expires soon (--tls-certificate)");
    }
}
