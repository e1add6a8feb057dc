//! Warnings of settings that are valid and dangerous, logged at the start, and of a certificate that expires.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::error;
use tracing::warn;

use crate::clock::SystemClock;
use crate::config;
use crate::domain::clock;
use crate::domain::clock::Clock;
use crate::domain::clock::DAY_MS;
use crate::http::Network;
use crate::http::Tls;

/// How long before its end a certificate is warned of.
const SOON_MS: i64 = 14 * DAY_MS;
/// How often the certificate is looked at.
const LOOK: Duration = Duration::from_hours(24);

/// Warns of settings that are valid and let more happen than was probably meant.
pub(super) fn of_settings(config: &config::Serve, tls: Option<&Tls>) {
    if !config.listen.ip().is_loopback() && tls.is_none() {
        let listen = config.listen;
        warn!(%listen, "Tokens and chats cross the network unencrypted unless a proxy encrypts them (--tls-certificate)");
    }
    if config.http.trusted_proxies.iter().any(Network::is_everything) {
        warn!("--trusted-proxies trusts every address, so any client can pretend to have another one");
    }
    if let Some(tls) = tls {
        of_certificate(tls, &SystemClock);
    }
}

/// Looks at the certificate every day, until `stop`.
pub(super) async fn watch_certificate(tls: Tls, stop: CancellationToken) {
    while stop.run_until_cancelled(sleep(LOOK)).await.is_some() {
        of_certificate(&tls, &SystemClock);
    }
}

/// Warns of a certificate that is expired or expires soon.
pub(super) fn of_certificate(tls: &Tls, clock: &dyn Clock) {
    let Some(expires_at) = tls.expires_at() else { return };
    let expires = clock::iso(expires_at);
    let left_ms = expires_at - clock.now();
    if left_ms <= 0 {
        error!(%expires, "The certificate has expired: clients refuse it (--tls-certificate)");
    } else if left_ms < SOON_MS {
        warn!(%expires, "The certificate expires soon (--tls-certificate)");
    }
}
