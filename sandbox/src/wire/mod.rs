//! The bottom of the protocol: websocket messages, frames, the Noise handshake, and nodes.
//!
//! Nothing here knows accounts or stanzas.

pub(crate) mod certificate;
pub(crate) mod node;
pub(crate) mod noise;
pub(crate) mod socket;
