//! What a service manager such as systemd is told (`sd_notify`): that the server serves, that it stops, and, if it asked
//! for that, regularly that it still runs. Nothing without `NOTIFY_SOCKET`.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// Reports that the server serves, and until `drain` that it still runs; then, until `stop`, that it stops.
pub(super) async fn while_serving(drain: CancellationToken, stop: CancellationToken) {
    report(&[NotifyState::Ready]);
    drain.run_until_cancelled(keep_alive()).await;
    report(&[NotifyState::Stopping]);
    stop.run_until_cancelled(keep_alive()).await;
}

/// Reports twice in the time that the service manager allows. It runs among the tasks of the server: if those stand still,
/// so does this.
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
        warn!(%error, "The service manager cannot be notified");
    }
}
