//! The data of a selection beside its objects.

use enumset::{EnumSet, EnumSetType};

use crate::{
    auth::viewer::Viewer,
    domain::{capability::Capability, chat_view::ChatColumns},
};

/// The data of a selection beside its objects.
#[derive(Debug, Default)]
pub(in crate::graphql) struct Needs {
    /// The columns of the chats.
    pub(in crate::graphql) columns: ChatColumns,
    /// The rows beside the chats.
    pub(in crate::graphql) related: EnumSet<RelatedRows>,
    /// True if the viewer has `read`, which some fields require.
    pub(in crate::graphql) may_read: bool,
}

/// Rows that belong to chats, each kind loaded with one statement.
#[derive(Debug, EnumSetType)]
pub(in crate::graphql) enum RelatedRows {
    /// Their sessions.
    Sessions,
    /// Their last messages.
    LastMessages,
    /// Their addresses.
    Addresses,
}

impl Needs {
    /// No needs yet.
    pub(super) fn of(viewer: &Viewer) -> Self {
        Self { may_read: viewer.require(Capability::Read).is_ok(), ..Self::default() }
    }
}
