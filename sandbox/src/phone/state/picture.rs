//! A picture.

use serde::{Deserialize, Serialize};

/// The picture of a person or group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Picture {
    /// Increases with each picture of the same person; close to the time in seconds.
    pub(crate) id: u64,
    /// Path of the image.
    pub(crate) path: String,
}
