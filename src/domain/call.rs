//! A call that rings now. Not stored: it is over before anybody could ask for it.

use super::jid::Jid;

/// A call that comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// WhatsApp's id.
    pub id: String,
    /// Who calls.
    pub from: Jid,
    /// Whether it shows a picture, too.
    pub video: bool,
    /// The group that is called, where it is one.
    pub group: Option<Jid>,
    /// When it began, in milliseconds.
    pub at: i64,
}
