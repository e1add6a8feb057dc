//! Download of the announced parts of the history. An announcement names a file on WhatsApp's servers and its key, and
//! WhatsApp sends it once. It is therefore stored, encrypted like other secrets, before it is acknowledged, and until
//! all of its part is stored. A part that a stop, a crash or a lost connection interrupts is downloaded again by the
//! next connection, for as long as WhatsApp serves it.
//!
//! The library downloads a part when it is announced, and cannot do so again. This worker stores each announcement
//! first, and reads repeated downloads itself. The library's own use of a part (tokens and message secrets for later
//! sending) only happens in the first attempt.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Semaphore, mpsc},
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument, error, info, warn};
use whatsapp_rust::{
    Client, ErrorChainExt as _, anyhow, async_channel,
    buffa::Message as _,
    bytes::Bytes,
    sync_task::MajorSyncTask,
    types::events::{Event, LazyHistorySync},
    wacore::{history_sync::MAX_DECOMPRESSED, messages::DetachedHistorySyncNotification},
    waproto::whatsapp::message::HistorySyncNotification,
};

use super::{
    backend::SessionBackend,
    event_queue::{EventSink, QueueItem, login},
    history_part::Part,
};
use crate::backoff::Backoff;

/// Parts that are downloaded or wait for storage at the same time; bounds the memory.
const MAX_CONCURRENT_DOWNLOADS: usize = 2;
/// Download attempts per part and connection.
const MAX_ATTEMPTS: u32 = 6;
const FIRST_RETRY_DELAY: Duration = Duration::from_secs(1);
const MAX_RETRY_DELAY: Duration = Duration::from_secs(30);
/// Polling interval for a login.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// HTTP statuses for a file that WhatsApp's servers no longer have or serve.
const GONE_STATUS_CODES: [u16; 3] = [403, 404, 410];

/// The worker of one connection.
#[derive(Clone)]
pub(super) struct HistoryDownloads {
    client: Arc<Client>,
    memory: Arc<SessionBackend>,
    sink: EventSink,
    tasks: TaskTracker,
    cut: CancellationToken,
    permits: Arc<Semaphore>,
}

impl HistoryDownloads {
    pub(super) fn new(
        client: Arc<Client>,
        memory: Arc<SessionBackend>,
        sink: EventSink,
        tasks: TaskTracker,
        cut: CancellationToken,
    ) -> Self {
        Self { client, memory, sink, tasks, cut, permits: Arc::new(Semaphore::new(MAX_CONCURRENT_DOWNLOADS)) }
    }

    /// Downloads the parts that an earlier connection left, and new ones, until the connection is cancelled.
    pub(super) async fn run(self, work: async_channel::Receiver<MajorSyncTask>) {
        match self.memory.parts().await {
            Ok(parts) => {
                for (notice, announcement) in parts {
                    info!("Resuming the download of a part of the history");
                    self.clone().spawn(Part::new(notice), Fetch::Again(announcement));
                }
            }
            Err(error) => error!(%error, "Reading the history announcements failed"),
        }
        let (collections, to_fetch) = mpsc::unbounded_channel();
        let client = Arc::clone(&self.client);
        self.spawned(async move { fetch_collections(client, to_fetch).await });
        while let Ok(task) = work.recv().await {
            let MajorSyncTask::HistorySync { message_id, notification, .. } = &task else {
                // The receiver ends with this task.
                let _ = collections.send(task);
                continue;
            };
            let part = Part::new(message_id.clone());
            let announcement = encoded(notification);
            if let Err(error) = self.memory.keep_part(&part.notice, announcement.clone()).await {
                warn!(%error, "Storing a history announcement failed");
                return;
            }
            self.clone().spawn(part, Fetch::First(task, announcement));
        }
    }

    fn spawn(self, part: Arc<Part>, fetch: Fetch) {
        let this = self.clone();
        this.spawned(async move { self.fetch(part, fetch).await });
    }

    fn spawned(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(self.cut.clone().run_until_cancelled_owned(work).in_current_span());
    }

    async fn fetch(self, part: Arc<Part>, fetch: Fetch) {
        let Ok(_permit) = self.permits.clone().acquire_owned().await else { return };
        let announcement = match fetch {
            Fetch::First(task, announcement) => {
                part.receive_from(self.client.process_sync_task(task)).await;
                if part.has_arrived() {
                    part.wait_until_done().await;
                    return;
                }
                announcement
            }
            Fetch::Again(announcement) => announcement,
        };
        let Ok(announcement) = HistorySyncNotification::decode_from_slice(&announcement) else {
            error!("A stored history announcement is corrupt");
            self.sink.push(QueueItem::HistoryGone { notice: part.notice.clone() });
            return;
        };
        let mut pauses = Backoff::half_jitter(FIRST_RETRY_DELAY, MAX_RETRY_DELAY);
        for _ in 0..MAX_ATTEMPTS {
            while login(&self.client).is_none() {
                sleep(POLL_INTERVAL).await;
            }
            match self.download(&announcement).await {
                Ok(event) => {
                    self.sink.push(QueueItem::History { event: Arc::new(event), part: Arc::clone(&part) });
                    part.wait_until_done().await;
                    return;
                }
                Err(error) if error.http_status().is_some_and(|status| GONE_STATUS_CODES.contains(&status)) => {
                    warn!(error = &*error as &dyn std::error::Error, "WhatsApp no longer serves a part of the history");
                    self.sink.push(QueueItem::HistoryGone { notice: part.notice.clone() });
                    return;
                }
                Err(error) => {
                    warn!(
                        error = &*error as &dyn std::error::Error,
                        "Downloading a part of the history failed; it will be retried"
                    );
                    sleep(pauses.next()).await;
                }
            }
        }
        warn!("Downloading a part of the history failed; the next connection will retry");
    }

    async fn download(&self, announcement: &HistorySyncNotification) -> anyhow::Result<Event> {
        let compressed = match &announcement.initial_hist_bootstrap_inline_payload {
            Some(payload) => Bytes::from(payload.clone()),
            None => self.client.download(announcement).await?.into(),
        };
        let kind = announcement.sync_type.map_or(0, |kind| kind as i32);
        let most = usize::try_from(MAX_DECOMPRESSED).unwrap_or(usize::MAX);
        let (order, progress) = (announcement.chunk_order, announcement.progress);
        Ok(Event::HistorySync(Box::new(LazyHistorySync::new(compressed, most, kind, order, progress))))
    }
}

enum Fetch {
    /// By the library, when it is announced.
    First(MajorSyncTask, Vec<u8>),
    /// From the stored announcement.
    Again(Vec<u8>),
}

/// Fetches the app-state collections that the library requests, one by one.
async fn fetch_collections(client: Arc<Client>, mut work: mpsc::UnboundedReceiver<MajorSyncTask>) {
    while let Some(task) = work.recv().await {
        client.process_sync_task(task).await;
    }
}

fn encoded(announcement: &DetachedHistorySyncNotification) -> Vec<u8> {
    let DetachedHistorySyncNotification { notification, inline_payload } = announcement;
    let mut whole = notification.clone();
    whole.initial_hist_bootstrap_inline_payload = inline_payload.as_ref().map(|payload| payload.to_vec());
    whole.encode_to_vec()
}
