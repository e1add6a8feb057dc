//! Start-up and shutdown. First the server stops accepting connections: requests finish, or their connections are
//! closed, while all other components still run. Then the other tasks end. Every task is spawned on one of two trackers
//! and ends on a token; every wait has a timeout.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{error, info, warn};

use super::warnings;
use crate::{
    clock::SystemClock,
    domain::clock,
    http::Tls,
    store::{self, Store},
};

/// Timeout for connections to finish or close.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// Timeout for tasks to end after they were requested to.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// Task trackers and cancellation tokens of all components.
#[derive(Clone, Default)]
pub(super) struct Lifecycle {
    /// Tracks connections, and the tasks that serve their clients.
    pub(super) callers: TaskTracker,
    /// Requests those tasks to end.
    pub(super) drain: CancellationToken,
    /// Tracks every other task of the process.
    pub(super) tasks: TaskTracker,
    /// Requests every task to end.
    pub(super) stop: CancellationToken,
}

impl Lifecycle {
    /// Requests connections to close, then all tasks to end, and waits at most [`DRAIN_TIMEOUT`] and [`SHUTDOWN_GRACE`] for them.
    pub(super) async fn shut_down(self) {
        self.drain.cancel();
        self.callers.close();
        if tokio::time::timeout(DRAIN_TIMEOUT, self.callers.wait()).await.is_err() {
            warn!(tasks = self.callers.len(), "Some connections did not close in time");
        }
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(SHUTDOWN_GRACE, self.tasks.wait()).await.is_err() {
            warn!(tasks = self.tasks.len(), "Some tasks did not end in time");
        }
    }
}

/// Closes the database after every task has ended. On SQLite, the write-ahead log is merged into the main file.
pub(super) async fn close(store: &Store, database: &store::Config) {
    match tokio::time::timeout(SHUTDOWN_GRACE, store.close()).await {
        Ok(Ok(())) => {}
        Ok(Err(failed)) => warn!(error = &failed as &dyn std::error::Error, "Closing the database failed"),
        Err(_) => warn!("Closing the database timed out: some connections are still in use"),
    }
    if let Err(failed) = store::checkpoint(database).await {
        warn!(
            error = &failed as &dyn std::error::Error,
            "Checkpoint failed: the last commits are still in the -wal file"
        );
    }
}

/// Resolves on SIGINT, SIGTERM or SIGQUIT. The handlers are installed by the call, so call it before the server reports
/// that it is ready.
///
/// # Errors
/// If the operating system rejects the handler.
pub(super) fn shutdown_signal() -> std::io::Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut quit = signal(SignalKind::quit())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = quit.recv() => {}
        }
        info!("Stopping");
    })
}

/// Reloads the certificate at each SIGHUP, until `stop`. The handler is installed by the call.
///
/// # Errors
/// If the operating system rejects the handler.
pub(super) fn reload_certificate(tls: Tls, stop: CancellationToken) -> std::io::Result<impl Future<Output = ()>> {
    let mut asked = signal(SignalKind::hangup())?;
    Ok(async move {
        while let Some(Some(())) = stop.run_until_cancelled(asked.recv()).await {
            match tls.reload() {
                Ok(()) => {
                    info!(expires = tls.expires_at().map(clock::iso), "Certificate reloaded");
                    warnings::of_certificate(&tls, &SystemClock);
                }
                Err(failed) => error!(
                    error = &failed as &dyn std::error::Error,
                    "Reloading the certificate failed; the current one stays in use"
                ),
            }
        }
    })
}

/// Logs each SIGHUP until `stop`, for a server without a certificate; the default action would end the process. The
/// handler is installed by the call.
///
/// # Errors
/// If the operating system rejects the handler.
pub(super) fn ignore_hangups(stop: CancellationToken) -> std::io::Result<impl Future<Output = ()>> {
    let mut asked = signal(SignalKind::hangup())?;
    Ok(async move {
        while let Some(Some(())) = stop.run_until_cancelled(asked.recv()).await {
            info!("SIGHUP has no effect without --tls-certificate");
        }
    })
}

/// Logs each SIGUSR1 and SIGUSR2 until `stop`; the default action would end the process. The handlers are installed by
/// the call.
///
/// # Errors
/// If the operating system rejects the handler.
pub(super) fn ignore_user_signals(stop: CancellationToken) -> std::io::Result<impl Future<Output = ()>> {
    let (mut first, mut second) = (signal(SignalKind::user_defined1())?, signal(SignalKind::user_defined2())?);
    Ok(async move {
        loop {
            let name = tokio::select! {
                () = stop.cancelled() => return,
                _ = first.recv() => "SIGUSR1",
                _ = second.recv() => "SIGUSR2",
            };
            info!("{name} has no effect");
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn services_stop_after_the_last_connection() {
        let lifecycle = Lifecycle::default();
        let (drain, stop) = (lifecycle.drain.clone(), lifecycle.stop.clone());
        let at_the_door = lifecycle.callers.spawn(async move {
            drain.cancelled().await;
            tokio::task::yield_now().await;
            stop.is_cancelled()
        });
        let behind_it = lifecycle.tasks.spawn(lifecycle.stop.clone().cancelled_owned());
        lifecycle.shut_down().await;
        assert!(!at_the_door.await.expect("ended"), "drain and stop were requested at the same time");
        assert!(behind_it.is_finished());
    }
}
