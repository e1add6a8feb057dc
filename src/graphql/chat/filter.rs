//! Which chats are listed, and in which order, as callers say it.

use async_graphql::Enum;
use async_graphql::InputObject;

use crate::domain::list;
use crate::domain::search::Search;
use crate::graphql::error::ApiError;
use crate::graphql::scalar::Timestamp;

use super::object::ChatType;

/// In which order chats are listed. Chats without a message come last in either, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Enum)]
#[graphql(remote = "list::ChatOrder")]
pub(in crate::graphql) enum ChatOrder {
    /// Latest activity first.
    #[default]
    Recent,
    /// As the phone shows it: pinned chats first, the one pinned last on top, then latest activity.
    Inbox,
}

/// Which chats are listed: those that everything given here is true of. What is left out, or null, does not matter.
#[derive(Debug, Clone, InputObject)]
pub(in crate::graphql) struct ChatFilter {
    /// Archived, or not.
    archived: Option<bool>,
    /// Pinned, or not.
    pinned: Option<bool>,
    /// Muted at this moment, or not.
    muted: Option<bool>,
    /// With unread messages or marked as unread, or neither.
    unread: Option<bool>,
    /// Of one of these kinds; an empty list finds nothing.
    r#type: Option<Vec<ChatType>>,
    /// Part of the name or of the phone number with its `+`. Case, accents, points, ligatures and the width of letters and
    /// digits do not matter: `angel` finds `Ángel`, `strasse` finds `Straße`, and `istanbul` finds `İstanbul`. At most 100
    /// characters, each of which stands for itself. Empty text searches for nothing, as if it were left out.
    search: Option<String>,
    /// With the last message at this time or later. Chats without a message are left out.
    active_after: Option<Timestamp>,
    /// With the last message before this time, not at it. Chats without a message are left out.
    active_before: Option<Timestamp>,
    /// Also those without any message: named contacts and joined groups. False when left out.
    #[graphql(default_with = "Some(false)")]
    include_empty: Option<bool>,
}

impl ChatFilter {
    /// The filter in the domain's words.
    pub(super) fn read(self) -> Result<list::ChatFilter, ApiError> {
        let search = self.search.as_deref().filter(|text| !text.is_empty()).map(Search::new).transpose();
        Ok(list::ChatFilter {
            archived: self.archived,
            pinned: self.pinned,
            muted: self.muted,
            unread: self.unread,
            types: self.r#type.map(|types| types.into_iter().map(Into::into).collect()),
            search: search.map_err(|invalid| ApiError::invalid("search", format!("search: {invalid}")))?,
            active_after: self.active_after.map(|at| at.0),
            active_before: self.active_before.map(|at| at.0),
            include_empty: self.include_empty == Some(true),
        })
    }
}
