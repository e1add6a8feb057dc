//! The data of a selection beside its objects.

use crate::{
    auth::viewer::Viewer,
    domain::{capability::Capability, chat_view::ChatColumns},
};

/// The data of a selection beside its objects.
#[derive(Debug, Default)]
pub(in crate::graphql) struct Needs {
    /// The columns of the chats.
    pub(in crate::graphql) columns: ChatColumns,
    /// The sessions of the chats.
    pub(in crate::graphql) sessions: bool,
    /// The last messages of the chats.
    pub(in crate::graphql) messages: bool,
    /// The addresses of the chats.
    pub(in crate::graphql) addresses: bool,
    /// True if the viewer has `read`, which some fields require.
    pub(in crate::graphql) may_read: bool,
}

impl Needs {
    /// No needs yet.
    pub(super) fn of(viewer: &Viewer) -> Self {
        Self { may_read: viewer.require(Capability::Read).is_ok(), ..Self::default() }
    }
}
