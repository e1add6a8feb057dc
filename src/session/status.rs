//! Status reports of a session to its event queue.

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{EventSender, InboundEvent, SessionEvent};
use crate::domain::session::{SessionStatus, StatusReason};

/// The consumer of the event queue is gone.
pub(super) struct ReceiverClosed;

/// Reports each change of the status once.
pub(super) struct StatusReporter {
    sender: EventSender,
    reported: Option<(SessionStatus, Option<StatusReason>)>,
}

impl StatusReporter {
    /// Creates a reporter without a previous status.
    pub(super) fn new(sender: EventSender) -> Self {
        Self { sender, reported: None }
    }

    /// The sender of the event queue.
    pub(super) fn sender(&self) -> EventSender {
        self.sender.clone()
    }

    /// Reports the status, unless it is unchanged.
    pub(super) async fn report(
        &mut self,
        status: SessionStatus,
        reason: Option<StatusReason>,
    ) -> Result<(), ReceiverClosed> {
        if self.reported.as_ref() == Some(&(status, reason.clone())) {
            return Ok(());
        }
        self.send(status, reason, None).await
    }

    /// Reports the status in any case, and waits until it and all earlier events are stored, or until `stop`. Pending
    /// actions must be read after that only, because the events may have completed some.
    pub(super) async fn report_and_wait(
        &mut self,
        status: SessionStatus,
        stop: &CancellationToken,
    ) -> Result<(), ReceiverClosed> {
        let (committed, stored) = oneshot::channel();
        self.send(status, None, Some(committed)).await?;
        if let Some(Err(_)) = stop.run_until_cancelled(stored).await {
            warn!("Storing the session's status failed");
        }
        Ok(())
    }

    /// Reports a new pairing code; the status stays.
    pub(super) async fn report_new_code(&self) -> Result<(), ReceiverClosed> {
        let event = InboundEvent { event: SessionEvent::PairingRenewed, committed: None };
        self.sender.send(event).await.map_err(|_| ReceiverClosed)
    }

    async fn send(
        &mut self,
        status: SessionStatus,
        reason: Option<StatusReason>,
        committed: Option<oneshot::Sender<()>>,
    ) -> Result<(), ReceiverClosed> {
        info!(status = status.as_str(), "Session status changed");
        self.reported = Some((status, reason.clone()));
        let event = SessionEvent::Status { status, reason };
        self.sender.send(InboundEvent { event, committed }).await.map_err(|_| ReceiverClosed)
    }
}
