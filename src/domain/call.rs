//! Ringing calls. They are not stored, since a call is over before a client could query it.

use super::jid::Jid;

/// An incoming call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// WhatsApp's message id.
    pub id: String,
    /// The caller.
    pub from: Jid,
    /// True for a video call.
    pub video: bool,
    /// The group that is called, for a group call.
    pub group: Option<Jid>,
    /// The start of the call in milliseconds.
    pub at: i64,
}
