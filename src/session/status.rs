//! How a session stands, as its lane is told.

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tracing::info;
use tracing::warn;

use super::Inbound;
use super::Lane;
use super::SessionEvent;
use crate::domain::session::SessionStatus;
use crate::domain::session::StatusReason;

/// Nobody drains the lane any more.
pub(super) struct LaneClosed;

/// Tells a lane each status once.
pub(super) struct StatusReport {
    lane: Lane,
    told: Option<(SessionStatus, Option<StatusReason>)>,
}

impl StatusReport {
    /// Nothing was told yet.
    pub(super) fn new(lane: Lane) -> Self {
        Self { lane, told: None }
    }

    /// The lane itself.
    pub(super) fn lane(&self) -> Lane {
        self.lane.clone()
    }

    /// Tells how the session stands, unless that was the last thing told.
    pub(super) async fn tell(&mut self, status: SessionStatus, reason: Option<StatusReason>) -> Result<(), LaneClosed> {
        if self.told.as_ref() == Some(&(status, reason.clone())) {
            return Ok(());
        }
        self.send(status, reason, None).await
    }

    /// Tells it in any case, and waits until the lane has dealt with it and with all that was on it before, or until
    /// `stop`. Only then may pending actions be read, because what WhatsApp just told may have settled some.
    pub(super) async fn tell_and_wait(
        &mut self,
        status: SessionStatus,
        stop: &CancellationToken,
    ) -> Result<(), LaneClosed> {
        let (committed, dealt_with) = oneshot::channel();
        self.send(status, None, Some(committed)).await?;
        if let Some(Err(_)) = stop.run_until_cancelled(dealt_with).await {
            warn!("Storing the session's status failed");
        }
        Ok(())
    }

    /// Tells that there is another code, while the status stays.
    pub(super) async fn tell_of_another_code(&self) -> Result<(), LaneClosed> {
        let word = Inbound { event: SessionEvent::PairingRenewed, committed: None };
        self.lane.send(word).await.map_err(|_| LaneClosed)
    }

    async fn send(
        &mut self,
        status: SessionStatus,
        reason: Option<StatusReason>,
        committed: Option<oneshot::Sender<()>>,
    ) -> Result<(), LaneClosed> {
        info!(?status, "Session status changed");
        self.told = Some((status, reason.clone()));
        let event = SessionEvent::Status { status, reason };
        self.lane.send(Inbound { event, committed }).await.map_err(|_| LaneClosed)
    }
}
