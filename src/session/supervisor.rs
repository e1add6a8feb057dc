//! Supervisor: one task per session, from start to stop. It opens the connection, follows its state, and reconnects if
//! that can help. Otherwise it waits for a manual start.

mod next_step;

use std::{pin::pin, sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, mpsc, watch},
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument, Span, info, warn};

use super::{
    Config, EventSender, SessionKey,
    connection::{Connection, ConnectionEvent, ConnectionState, Connector, DisconnectReason, EventSinks, SessionError},
    outbox::{Outbox, ReadPending},
    status::{ReceiverClosed, StatusReporter},
};
use crate::{
    backoff::Backoff,
    domain::{
        clock::{self, Clock},
        session::{Pairing, PairingCode, SessionStatus, StatusCode, StatusReason},
    },
};
use next_step::{NextStep, next_step};

/// Capacity of the queue of signals; a connection with more of them waits.
const EVENT_CAPACITY: usize = 64;

/// The task of one session.
pub(super) struct Supervisor {
    pub(super) key: SessionKey,
    pub(super) connector: Arc<dyn Connector>,
    pub(super) read_pending: ReadPending,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) config: Config,
    pub(super) report: StatusReporter,
    pub(super) starts: mpsc::Receiver<()>,
    pub(super) pairing: watch::Sender<Pairing>,
    /// The connection, if it has caught up with WhatsApp or waits for pairing.
    pub(super) link: watch::Sender<ConnectionState>,
    pub(super) wake_pending: Arc<Notify>,
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
    pub(super) process_stop: CancellationToken,
    /// Reason of an automatic start; `None` after a requested one.
    pub(super) reason: Option<StatusReason>,
}

/// Backoffs of one session, across its connections.
struct Backoffs {
    /// After a lost connection.
    reconnect: Backoff,
    /// After a rejected connection.
    refused: Backoff,
    /// Before reconnecting for a redelivery, so that a message that can never be stored does not cause a constant rate
    /// of them.
    redelivery: Backoff,
}

impl Supervisor {
    /// Runs the session until it is stopped.
    ///
    /// # Errors
    /// [`ReceiverClosed`] if the consumer of its event queue is gone.
    pub(super) async fn run(&mut self) -> Result<(), ReceiverClosed> {
        let link = self.link.clone();
        let outbox = Outbox {
            key: self.key.clone(),
            read: Arc::clone(&self.read_pending),
            sender: self.report.sender(),
            link: link.subscribe(),
            wake: Arc::clone(&self.wake_pending),
            config: self.config.clone(),
        };
        let outbox_stop = self.stop.child_token();
        // Also if this task panics: the outbox must not outlive its supervisor.
        let _outbox_ends = outbox_stop.clone().drop_guard();
        let sending = outbox_stop.run_until_cancelled_owned(outbox.keep_running());
        self.tasks.spawn(sending.instrument(Span::current()));
        self.supervise(&link).await
    }

    /// Prepares another [`Self::run`] with a new event queue after a failure: reports the reason, and waits for `pause`
    /// or for a manual start. Returns whether to continue.
    pub(super) async fn restart(&mut self, sender: EventSender, pause: Duration) -> bool {
        self.link.send_replace(ConnectionState::Down);
        self.pairing.send_replace(Pairing::default());
        self.report = StatusReporter::new(sender);
        let words = "the session failed because of an internal error and is being restarted";
        let reason = StatusReason::new(StatusCode::InternalError, words);
        self.reason = Some(reason.clone());
        self.report.report(SessionStatus::Starting, Some(reason)).await.is_ok() && self.rest(Some(pause)).await
    }

    /// Waits for a manual start, or for `pause`; returns whether to continue.
    async fn rest(&mut self, pause: Option<Duration>) -> bool {
        let over = wait_until(pause.map(|pause| Instant::now() + pause));
        let resting = async {
            tokio::select! {
                started = self.starts.recv() => started.is_some(),
                () = over => true,
            }
        };
        self.stop.run_until_cancelled(resting).await.unwrap_or(false)
    }

    async fn supervise(&mut self, link: &watch::Sender<ConnectionState>) -> Result<(), ReceiverClosed> {
        let mut pauses = Backoffs {
            reconnect: Backoff::full_jitter(self.config.reconnect_base, self.config.reconnect_max),
            refused: Backoff::half_jitter(self.config.refused_base, self.config.refused_max),
            redelivery: Backoff::half_jitter(self.config.redelivery_base, self.config.redelivery_max),
        };
        loop {
            self.report.report(SessionStatus::Starting, self.reason.clone()).await?;
            match self.connection(link, &mut pauses).await? {
                NextStep::ReconnectNow => {}
                NextStep::ReconnectLater => {
                    self.report.report(SessionStatus::Starting, self.reason.clone()).await?;
                    let pause = pauses.reconnect.next();
                    info!(pause_ms = pause.as_millis(), "Connection lost; reconnecting");
                    if self.stop.run_until_cancelled(sleep(pause)).await.is_none() {
                        return self.stopped().await;
                    }
                }
                NextStep::Refused { reason } => {
                    let pause = pauses.refused.next();
                    warn!(reason, pause_ms = pause.as_millis(), "WhatsApp rejected the connection; it will be retried");
                    let again = clock::iso(self.clock.now().saturating_add(clock::milliseconds(pause)));
                    let words = format!("WhatsApp rejected the connection; the next attempt is at {again}");
                    self.reason = Some(StatusReason::new(StatusCode::Refused, words));
                    self.report.report(SessionStatus::Starting, self.reason.clone()).await?;
                    if !self.rest(Some(pause)).await {
                        return self.stopped().await;
                    }
                }
                NextStep::WaitForOperator { status, reason, detail, lasts, .. } => {
                    // Requests to start that arrived while the connection was up are satisfied.
                    while self.starts.try_recv().is_ok() {}
                    self.reason = None;
                    let lasts_ms = lasts.map(clock::milliseconds);
                    warn!(reason = reason.words, detail, lasts_ms, "Session stopped until it is started again");
                    self.report.report(status, Some(reason)).await?;
                    pauses.reconnect.reset();
                    if !self.rest(lasts).await {
                        return self.stopped().await;
                    }
                }
                NextStep::Stop => return self.stopped().await,
            }
        }
    }

    /// A stopping process reports no status: its sessions are still wanted, here or elsewhere.
    async fn stopped(&mut self) -> Result<(), ReceiverClosed> {
        if self.process_stop.is_cancelled() {
            return Ok(());
        }
        self.report.report_and_wait(SessionStatus::Stopped, &self.process_stop).await
    }

    /// Runs one connection, until all of its tasks have ended.
    async fn connection(
        &mut self,
        link: &watch::Sender<ConnectionState>,
        pauses: &mut Backoffs,
    ) -> Result<NextStep, ReceiverClosed> {
        let (signals_there, mut signals) = mpsc::channel(EVENT_CAPACITY);
        let sinks = EventSinks { sender: self.report.sender(), signals: signals_there };
        let connecting = timeout(self.config.connect_timeout, self.connector.connect(&self.key, sinks));
        let session = match self.stop.run_until_cancelled(connecting).await {
            None => return Ok(NextStep::Stop),
            Some(Err(_)) => {
                warn!("Opening the connection timed out");
                return Ok(NextStep::ReconnectLater);
            }
            Some(Ok(Err(SessionError::Damaged))) => return Ok(next_step(DisconnectReason::Damaged, self.clock.now())),
            Some(Ok(Err(error))) => {
                warn!(error = &error as &dyn std::error::Error, "Opening the connection failed");
                return Ok(NextStep::ReconnectLater);
            }
            Some(Ok(Ok(session))) => session,
        };

        let next = self.follow(&session, &mut signals, link, pauses).await;

        link.send_replace(ConnectionState::Down);
        self.pairing.send_replace(Pairing::default());
        let mut disconnecting = pin!(session.disconnect());
        let mut open = true;
        loop {
            tokio::select! {
                () = &mut disconnecting => break,
                // Drain the signals without handling them, so that the connection does not wait.
                signal = signals.recv(), if open => open = signal.is_some(),
            }
        }
        if let Ok(NextStep::WaitForOperator { unlinked: true, .. }) = &next {
            self.connector.forget(&self.key).await;
        }
        next
    }

    /// Follows a connection until it has to be replaced or stopped.
    async fn follow(
        &mut self,
        session: &Arc<dyn Connection>,
        signals: &mut mpsc::Receiver<ConnectionEvent>,
        link: &watch::Sender<ConnectionState>,
        pauses: &mut Backoffs,
    ) -> Result<NextStep, ReceiverClosed> {
        let mut overdue = Some(Instant::now() + self.config.connect_timeout);
        let mut redeliver: Option<Instant> = None;
        let mut good: Option<Instant> = None;
        let stop = self.stop.clone();
        loop {
            let signal = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(NextStep::Stop),
                signal = signals.recv() => signal.unwrap_or(ConnectionEvent::Ended(DisconnectReason::Dropped)),
                () = wait_until(overdue) => {
                    if matches!(*link.borrow(), ConnectionState::Unpaired(_)) {
                        return Ok(next_step(DisconnectReason::PairingTimedOut, self.clock.now()));
                    }
                    warn!("The connection did not come online in time");
                    return Ok(NextStep::ReconnectLater);
                }
                () = wait_until(redeliver) => {
                    if !matches!(*link.borrow(), ConnectionState::Synced(_)) {
                        // Do not interrupt it while it catches up.
                        redeliver = Some(Instant::now() + pauses.redelivery.next());
                        continue;
                    }
                    info!("Reconnecting so that WhatsApp redelivers unacknowledged messages");
                    return Ok(NextStep::ReconnectNow);
                }
                () = wait_until(good) => {
                    good = None;
                    pauses.reconnect.reset();
                    if redeliver.is_none() {
                        pauses.redelivery.reset();
                    }
                    continue;
                }
            };
            match signal {
                ConnectionEvent::QrCode { qr, valid_for } => {
                    overdue = None;
                    link.send_replace(ConnectionState::Unpaired(Arc::clone(session)));
                    let qr = self.code(qr, valid_for);
                    self.show(|pairing| pairing.qr = Some(qr)).await?;
                }
                ConnectionEvent::PhoneCode { code, valid_for } => {
                    overdue = overdue.map(|_| Instant::now() + self.config.last_code_timeout);
                    let code = self.code(code, valid_for);
                    self.show(|pairing| pairing.code = Some(code)).await?;
                }
                ConnectionEvent::NoQrCodeLeft => {
                    // A phone that has accepted the typed code at the last moment may still need an answer.
                    overdue = Some(Instant::now() + self.config.last_code_timeout);
                    self.show(|pairing| pairing.qr = None).await?;
                }
                ConnectionEvent::PhoneCodeVoid => {
                    self.show(|pairing| pairing.code = None).await?;
                    if self.pairing.borrow().qr.is_none() {
                        return Ok(next_step(DisconnectReason::PairingTimedOut, self.clock.now()));
                    }
                }
                ConnectionEvent::Paired => {
                    link.send_replace(ConnectionState::Down);
                    self.pairing.send_replace(Pairing::default());
                    overdue = Some(Instant::now() + self.config.connect_timeout);
                    self.report.report(SessionStatus::Starting, None).await?;
                }
                ConnectionEvent::Synced => {
                    overdue = None;
                    self.reason = None;
                    pauses.refused.reset();
                    pauses.reconnect.cap(self.config.reconnect_eased);
                    good = Some(Instant::now() + self.config.stable_after);
                    self.pairing.send_replace(Pairing::default());
                    self.report.report_and_wait(SessionStatus::Working, &stop).await?;
                    link.send_replace(ConnectionState::Synced(Arc::clone(session)));
                }
                ConnectionEvent::CommitTimedOut => {
                    redeliver.get_or_insert_with(|| Instant::now() + pauses.redelivery.next());
                }
                ConnectionEvent::Ended(ending) => return Ok(next_step(ending, self.clock.now())),
            }
        }
    }

    /// Updates the pairing codes.
    async fn show(&mut self, change: impl FnOnce(&mut Pairing)) -> Result<(), ReceiverClosed> {
        let renewed = *self.pairing.borrow() != Pairing::default();
        self.pairing.send_modify(change);
        self.report.report(SessionStatus::ScanQrCode, None).await?;
        if renewed { self.report.report_new_code().await } else { Ok(()) }
    }

    fn code(&self, text: String, valid_for: Duration) -> PairingCode {
        PairingCode { text, expires_at: self.clock.now().saturating_add(clock::milliseconds(valid_for)) }
    }
}

/// Waits until `when`, or forever without it.
async fn wait_until(when: Option<Instant>) {
    match when {
        Some(when) => sleep_until(when).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
