//! Parts of the server that phones use.

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{pairing::registry::PairingRegistry, storage::media::Media};

/// Parts that the phones share with the server.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) media: Media,
    pub(crate) pairings: PairingRegistry,
    /// Cancelled when the sandbox stops.
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
}
