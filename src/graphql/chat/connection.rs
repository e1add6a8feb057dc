//! Chats in pages.

use async_graphql::Context;
use async_graphql::Description;
use async_graphql::Enum;
use async_graphql::Object;

use crate::domain::chat;
use crate::domain::cursor::TimeKey;
use crate::domain::id::SessionId;
use crate::graphql::connection::Listing;
use crate::graphql::connection::PageInfo;
use crate::graphql::connection::Placed;
use crate::graphql::connection::key;
use crate::graphql::connection::page_request;
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::ApiError;

use super::object::Chat;

/// In which order chats are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Enum)]
pub(in crate::graphql) enum ChatOrder {
    /// Latest activity first.
    #[default]
    Recent,
}

impl ChatOrder {
    /// What cursors of this order are bound to.
    fn scope(self) -> &'static str {
        match self {
            Self::Recent => "RECENT",
        }
    }
}

/// A page of chats.
#[derive(Description)]
pub(in crate::graphql) struct ChatConnection {
    listing: Listing<Chat>,
    change_cursor: String,
}

impl ChatConnection {
    /// Reads a page of the chats of one session, or of all sessions.
    pub(in crate::graphql) async fn read(
        context: &Context<'_>,
        session: Option<SessionId>,
        order: ChatOrder,
        first: Option<i64>,
        after: Option<&str>,
    ) -> Result<Self, ApiError> {
        let viewer = context.viewer();
        let named = session.map(|session| session.to_string()).unwrap_or_default();
        let scope = ["chats", viewer.organization.as_str(), &named, order.scope()];
        let page = page_request(first, after, &scope)?;
        let chats = context.chats().list(viewer, session, page).await?;
        Ok(Self {
            listing: Listing::of(chats.page, &scope, chat_key),
            change_cursor: chats.change_cursor.encode(&viewer.organization),
        })
    }
}

#[Object(use_type_description)]
impl ChatConnection {
    /// The chats with their cursors.
    async fn edges(&self) -> Vec<ChatEdge<'_>> {
        self.listing.items.iter().map(ChatEdge).collect()
    }

    /// The chats.
    async fn nodes(&self) -> Vec<&Chat> {
        self.listing.items.iter().map(|placed| &placed.item).collect()
    }

    /// Where the page begins and ends.
    async fn page_info(&self) -> &PageInfo {
        &self.listing.page_info
    }

    /// The place in the change log that this page reflects: `chatChanges(after:)` from here misses nothing.
    async fn change_cursor(&self) -> &str {
        &self.change_cursor
    }
}

/// A chat in a page.
#[derive(Description)]
pub(in crate::graphql) struct ChatEdge<'a>(&'a Placed<Chat>);

#[Object(use_type_description)]
impl ChatEdge<'_> {
    /// The chat's place in the list: `after` it goes on.
    async fn cursor(&self) -> &str {
        &self.0.cursor
    }

    /// The chat.
    async fn node(&self) -> &Chat {
        &self.0.item
    }
}

/// A chat's place in the list by activity; only chats with a message are listed.
fn chat_key(chat: &chat::Chat) -> TimeKey {
    key(chat.last_message.map_or(0, |message| message.at), &chat.id.to_bytes())
}
