//! The lowest protocol layer: WebSocket messages, frames, the Noise handshake, and nodes.
//!
//! It does not know accounts or stanzas.

pub(crate) mod certificate;
pub(crate) mod node;
pub(crate) mod noise;
pub(crate) mod socket;
