//! Notification of commits between nodes, faster than polling.

use tokio_util::sync::CancellationToken;

use crate::store::Store;

/// Exchanges notifications of commits with other nodes until `stop`.
pub(super) async fn exchange(store: Store, stop: CancellationToken) {
    stop.run_until_cancelled(store.share_commits()).await;
}
