//! Results of the translation.

use super::jid::Untranslatable;
use crate::{
    domain::session::Account,
    session::{SessionEvent, connection::ConnectionEvent},
};

/// Meaning of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Translated {
    /// An event for the stored copy.
    Event(SessionEvent),
    /// A signal for the supervisor.
    Signal(ConnectionEvent),
    /// The device was linked to this account; whether that is allowed is checked later.
    Paired(Account),
    /// The connection is logged in; it has to catch up next.
    LoggedIn,
    /// The event has an unsupported address.
    Untranslatable(Untranslatable),
}
