//! `X-Forwarded-For` from peers that are not trusted proxies. The header is ignored and logged: if a proxy is missing
//! in the configuration, all its clients appear to have the same address.

use std::{
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tracing::warn;

/// Minimum interval between log lines.
const WARNING_INTERVAL: Duration = Duration::from_mins(1);

/// Time of the last warning.
#[derive(Debug, Default)]
pub(super) struct IgnoredHeader(Mutex<Option<Instant>>);

impl IgnoredHeader {
    /// Logs that a peer's header was ignored, at most once a minute.
    pub(super) fn warn(&self, peer: IpAddr) {
        if self.is_due() {
            warn!(%peer, "X-Forwarded-For is ignored because this peer is not a trusted proxy (--trusted-proxies)");
        }
    }

    fn is_due(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|at| at.elapsed() >= WARNING_INTERVAL);
        if is_due {
            *last = Some(Instant::now());
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_logged_once_a_minute() {
        let ignored = IgnoredHeader::default();
        assert_eq!([(); 3].map(|()| ignored.is_due()), [true, false, false]);
        tokio::time::advance(WARNING_INTERVAL).await;
        assert_eq!([(); 2].map(|()| ignored.is_due()), [true, false]);
    }
}
