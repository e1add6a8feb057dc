//! The filter and the order of chats.

use async_graphql::InputObject;

use super::enums::ChatType;
use crate::{
    domain::{chat_list, search::SearchTerm},
    graphql::{error::ApiError, scalar::Timestamp},
};

/// A filter of chats. A chat must match every field that is given. Fields that are missing or null are ignored.
#[derive(Debug, Clone, InputObject)]
pub(in crate::graphql) struct ChatFilter {
    /// Archived (true) or not archived (false).
    archived: Option<bool>,
    /// Pinned (true) or not pinned (false).
    pinned: Option<bool>,
    /// Muted now (true) or not muted (false).
    muted: Option<bool>,
    /// Unread (true) or read (false). A chat is unread if it has unread messages or is marked as unread.
    unread: Option<bool>,
    /// One of these kinds. An empty list matches no chat.
    r#type: Option<Vec<ChatType>>,
    /// A part of the name, or of the phone number with its `+`. Case, accents, dots, ligatures and the width of letters
    /// and digits are ignored: `angel` matches `Ángel`, `strasse` matches `Straße`, and `istanbul` matches `İstanbul`.
    /// At most 100 characters; there are no wildcards. An empty string is ignored.
    search: Option<String>,
    /// The last message was sent at this time or later. Excludes chats without a message.
    active_after: Option<Timestamp>,
    /// The last message was sent before this time (exclusive). Excludes chats without a message.
    active_before: Option<Timestamp>,
    /// Include chats without a message: named contacts and joined groups. The default is false.
    #[graphql(default_with = "Some(false)")]
    include_empty: Option<bool>,
}

impl ChatFilter {
    /// Converts the filter to the domain's type.
    pub(super) fn read(self) -> Result<chat_list::ChatFilter, ApiError> {
        let search = self.search.as_deref().filter(|text| !text.is_empty()).map(SearchTerm::new).transpose();
        Ok(chat_list::ChatFilter {
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
