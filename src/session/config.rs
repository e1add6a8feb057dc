//! How sessions connect: where to, how long they wait, how they retry.

use std::fmt;
use std::time::Duration;

use crate::domain::clock::DAY_MS;

/// What a session connects to.
#[derive(Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// WhatsApp itself, its certificates checked in full.
    WhatsApp,
    /// A scriptable WhatsApp on this machine.
    Sandbox {
        /// `http://127.0.0.1:PORT`: the websocket is at `/ws/chat` there, encrypted files are under `/media`.
        url: String,
        /// The sandbox's static public key, which takes the place of WhatsApp's certificates.
        key: [u8; 32],
    },
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WhatsApp => f.write_str("WhatsApp"),
            Self::Sandbox { url, .. } => f.debug_struct("Sandbox").field("url", url).finish_non_exhaustive(),
        }
    }
}

/// How much of its history an account brings along when it is paired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct History {
    /// Whether the phone is asked for a year, as WhatsApp's program for Windows asks, and not for the last months, as its
    /// web page does.
    pub full: bool,
    /// Messages that are older than so many days are left out; none for no such bound.
    pub days: Option<u32>,
}

impl History {
    /// Messages from before this are left out; in milliseconds.
    #[must_use]
    pub fn since(self, now: i64) -> Option<i64> {
        self.days.map(|days| now - i64::from(days) * DAY_MS)
    }
}

/// How sessions connect.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to.
    pub endpoint: Endpoint,
    /// How much history is asked for and kept.
    pub history: History,
    /// A connection that is neither in step nor showing a code after this long is given up for a new one. Above the
    /// 180 s that WhatsApp's first sync may take.
    pub connect_timeout: Duration,
    /// How long a phone has, after the last QR code, for a code that it was typed. Above the 180 s that such a code lives
    /// and the 60 s that linking may take.
    pub last_code_timeout: Duration,
    /// How long WhatsApp may take to take one setting.
    pub action_timeout: Duration,
    /// How long fetching one collection of settings may take when a connection comes up.
    pub sync_timeout: Duration,
    /// How long one exchange over HTTP may take: a file of history or of settings.
    pub http_timeout: Duration,
    /// How long a connection may take to go; then it is cut.
    pub disconnect_timeout: Duration,
    /// How long a message waits for its commit before it counts as not taken.
    pub commit_timeout: Duration,
    /// After a message was not taken, the connection is renewed about this much later, so that WhatsApp sends it again,
    /// doubling as long as messages are not taken…
    pub redelivery_base: Duration,
    /// …until here.
    pub redelivery_max: Duration,
    /// The pauses between connections, each anything from nothing up to this much, doubling…
    pub reconnect_base: Duration,
    /// …until here.
    pub reconnect_max: Duration,
    /// After a connection that was in step, however shortly, the pause is no longer than this.
    pub reconnect_eased: Duration,
    /// A connection that was in step for this long counts as good: the pauses start over.
    pub stable_after: Duration,
    /// The pauses after WhatsApp rejected the connection, or a task of the session failed: this long, doubling…
    pub refused_base: Duration,
    /// …until here.
    pub refused_max: Duration,
    /// The pauses before a collection of settings that cannot be read is read from its beginning: this long, doubling…
    pub repair_base: Duration,
    /// …until here.
    pub repair_max: Duration,
    /// The pauses after a pending action failed: this long, doubling…
    pub action_retry_base: Duration,
    /// …until here.
    pub action_retry_max: Duration,
    /// How often the pending actions are read without anybody asking.
    pub pending_poll: Duration,
}

impl Config {
    /// Connects to `endpoint`, with the waits that suit a real WhatsApp.
    #[must_use]
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            history: History::default(),
            connect_timeout: Duration::from_mins(4),
            last_code_timeout: Duration::from_mins(5),
            action_timeout: Duration::from_secs(20),
            sync_timeout: Duration::from_secs(30),
            http_timeout: Duration::from_mins(2),
            disconnect_timeout: Duration::from_secs(15),
            commit_timeout: Duration::from_mins(1),
            redelivery_base: Duration::from_secs(10),
            redelivery_max: Duration::from_mins(15),
            reconnect_base: Duration::from_secs(1),
            reconnect_max: Duration::from_mins(1),
            reconnect_eased: Duration::from_secs(8),
            stable_after: Duration::from_mins(1),
            refused_base: Duration::from_secs(5),
            refused_max: Duration::from_mins(15),
            repair_base: Duration::from_secs(1),
            repair_max: Duration::from_mins(15),
            action_retry_base: Duration::from_secs(1),
            action_retry_max: Duration::from_mins(1),
            pending_poll: Duration::from_secs(30),
        }
    }
}
