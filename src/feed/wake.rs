//! Hears of commits by other nodes without waiting for the poll.

use tokio_util::sync::CancellationToken;

use crate::store::Store;

/// Exchanges word of commits with other nodes until `stop`.
pub(super) async fn exchange(store: Store, stop: CancellationToken) {
    stop.run_until_cancelled(store.share_commits()).await;
}
