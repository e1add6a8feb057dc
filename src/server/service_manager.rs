//! Notifications to a service manager such as systemd (`sd_notify`): ready, stopping, and the watchdog keep-alive if it
//! is enabled. Does nothing without `NOTIFY_SOCKET`.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// Reports `READY`, and keep-alives until `drain`; then `STOPPING`, and keep-alives until `stop`.
pub(super) async fn while_serving(drain: CancellationToken, stop: CancellationToken) {
    report(&[NotifyState::Ready]);
    drain.run_until_cancelled(keep_alive()).await;
    report(&[NotifyState::Stopping]);
    stop.run_until_cancelled(keep_alive()).await;
}

/// Reports twice per watchdog interval. It runs on the server's own runtime, so it stops if the runtime hangs.
async fn keep_alive() {
    let Some(allowed) = sd_notify::watchdog_enabled() else { return std::future::pending().await };
    let mut pause = interval((allowed / 2).max(Duration::from_millis(1)));
    loop {
        pause.tick().await;
        report(&[NotifyState::Watchdog]);
    }
}

fn report(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        warn!(%error, "Notifying the service manager failed");
    }
}
