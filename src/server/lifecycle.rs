//! Starting and stopping. First the door is closed: callers finish, or are asked to leave, while everything behind it still
//! runs. Then the rest ends. Every task is spawned on one of two trackers and ends on a token; nobody waits for ever.

use std::time::Duration;

use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::error;
use tracing::info;
use tracing::warn;

use crate::clock::SystemClock;
use crate::domain::clock;
use crate::http::Tls;
use crate::store;
use crate::store::Store;

use super::warnings;

/// How long callers may take to finish or leave.
const DRAIN: Duration = Duration::from_secs(5);
/// How long tasks may take to end once they were asked to.
const GRACE: Duration = Duration::from_secs(5);

/// What all parts are started with.
#[derive(Clone, Default)]
pub(super) struct Lifecycle {
    /// Tracks every task at the door: connections, and what runs for their callers.
    pub(super) callers: TaskTracker,
    /// Tells those to end.
    pub(super) drain: CancellationToken,
    /// Tracks every other task of the process.
    pub(super) tasks: TaskTracker,
    /// Tells every task to end.
    pub(super) stop: CancellationToken,
}

impl Lifecycle {
    /// Asks callers to leave, then all tasks to end, and waits until they have, at most [`DRAIN`] and [`GRACE`].
    pub(super) async fn shut_down(self) {
        self.drain.cancel();
        self.callers.close();
        if tokio::time::timeout(DRAIN, self.callers.wait()).await.is_err() {
            warn!(tasks = self.callers.len(), "Some callers did not leave in time");
        }
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(GRACE, self.tasks.wait()).await.is_err() {
            warn!(tasks = self.tasks.len(), "Some tasks did not end in time");
        }
    }
}

/// Closes the database once every task has ended, and leaves all of it in one file on SQLite.
pub(super) async fn close(store: &Store, database: &store::Config) {
    match tokio::time::timeout(GRACE, store.close()).await {
        Ok(Ok(())) => {}
        Ok(Err(failed)) => warn!(error = &failed as &dyn std::error::Error, "The database was not closed"),
        Err(_) => warn!("Connections to the database are still in use"),
    }
    if let Err(failed) = store::checkpoint(database).await {
        warn!(error = &failed as &dyn std::error::Error, "The last commits are still in the -wal file");
    }
}

/// Ends with Ctrl-C, SIGTERM or SIGQUIT. They are handled from the call on, so make it before anybody learns that the
/// server is up.
///
/// # Errors
/// When the operating system takes no handler.
pub(super) fn asked_to_stop() -> std::io::Result<impl Future<Output = ()>> {
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

/// Reads the certificate anew at each SIGHUP, until `stop`. It is heard from the call on.
///
/// # Errors
/// When the operating system takes no handler.
pub(super) fn renew(tls: Tls, stop: CancellationToken) -> std::io::Result<impl Future<Output = ()>> {
    let mut asked = signal(SignalKind::hangup())?;
    Ok(async move {
        while let Some(Some(())) = stop.run_until_cancelled(asked.recv()).await {
            match tls.renew() {
                Ok(()) => {
                    info!(expires = tls.expires_at().map(clock::iso), "The certificate was read again");
                    warnings::of_certificate(&tls, &SystemClock);
                }
                Err(failed) => error!(error = &failed as &dyn std::error::Error, "The certificate stays as it was"),
            }
        }
    })
}

/// Reports each SIGHUP until `stop`, for a server without a certificate, which it would otherwise kill. It is heard from
/// the call on.
///
/// # Errors
/// When the operating system takes no handler.
pub(super) fn ignore_hangups(stop: CancellationToken) -> std::io::Result<impl Future<Output = ()>> {
    let mut asked = signal(SignalKind::hangup())?;
    Ok(async move {
        while let Some(Some(())) = stop.run_until_cancelled(asked.recv()).await {
            info!("SIGHUP has no effect without --tls-certificate");
        }
    })
}

/// Reports each SIGUSR1 and SIGUSR2 until `stop`, which would otherwise kill the server. They are handled from the call on.
///
/// # Errors
/// When the operating system takes no handler.
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
    async fn what_is_behind_the_door_ends_after_who_is_at_it() {
        let lifecycle = Lifecycle::default();
        let (drain, stop) = (lifecycle.drain.clone(), lifecycle.stop.clone());
        let at_the_door = lifecycle.callers.spawn(async move {
            drain.cancelled().await;
            tokio::task::yield_now().await;
            stop.is_cancelled()
        });
        let behind_it = lifecycle.tasks.spawn(lifecycle.stop.clone().cancelled_owned());
        lifecycle.shut_down().await;
        assert!(!at_the_door.await.expect("ended"), "both were asked to end at once");
        assert!(behind_it.is_finished());
    }
}
