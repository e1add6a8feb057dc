//! The connection of chats.

use async_graphql::{Context, Description, Object};

use super::{enums::ChatOrder, filter::ChatFilter, object::Chat};
use crate::{
    domain::{
        chat_list::{ChatKey, ChatList},
        id::{OrganizationId, SessionId},
        page::PageRequest,
    },
    graphql::{
        connection::{ConnectionPage, Edge, PageArguments, PageInfo},
        context::ContextExt as _,
        error::ApiError,
        loader::{ChatCountKey, ChatPageKey},
        rendering::{JsonOutput, selected_columns},
    },
    service::chat::ChatPage,
};

/// A page of chats.
#[derive(Description)]
pub(in crate::graphql) struct ChatConnection {
    pub(super) listing: ConnectionPage<Chat>,
    pub(super) change_cursor: String,
    list: ChatList,
}

/// The arguments of a list of chats.
pub(in crate::graphql) struct ChatListArguments {
    pub(in crate::graphql) filter: Option<ChatFilter>,
    pub(in crate::graphql) order: ChatOrder,
    pub(in crate::graphql) page: PageArguments,
}

impl ChatConnection {
    /// Reads a page of the chats of the organization, or of one session.
    pub(in crate::graphql) async fn of_organization(
        context: &Context<'_>,
        session: Option<SessionId>,
        arguments: ChatListArguments,
    ) -> Result<JsonOutput<Self>, ApiError> {
        let (list, page) = arguments.read(context, session)?;
        let columns = selected_columns::<Self>(context);
        let chats = context.chats().list(context.viewer(), list.clone(), page, columns).await?;
        Self::of(context, list, chats)
    }

    /// Reads a page of the chats of a session, together with the pages of other sessions in the same response.
    pub(in crate::graphql) async fn of_session(
        context: &Context<'_>,
        session: SessionId,
        arguments: ChatListArguments,
    ) -> Result<JsonOutput<Self>, ApiError> {
        let (list, page) = arguments.read(context, Some(session))?;
        let columns = selected_columns::<Self>(context);
        let chats = context.loader().load_one(ChatPageKey { list: list.clone(), page, columns }).await?;
        Self::of(context, list, chats.ok_or_else(ApiError::session_not_found)?)
    }

    /// The chats with their cursors.
    pub(super) fn edges_of(&self) -> &[Edge<Chat>] {
        &self.listing.items
    }

    fn of(context: &Context<'_>, list: ChatList, chats: ChatPage) -> Result<JsonOutput<Self>, ApiError> {
        let organization = context.organization()?;
        let listing = ConnectionPage::new(chats.page, &scope(organization, &list.scope()), |listed| listed.key);
        Ok(JsonOutput(Self { listing, change_cursor: chats.change_cursor.encode(organization), list }))
    }
}

impl ChatListArguments {
    fn read(
        self,
        context: &Context<'_>,
        session: Option<SessionId>,
    ) -> Result<(ChatList, PageRequest<ChatKey>), ApiError> {
        let organization = context.organization()?;
        let filter = self.filter.map(ChatFilter::read).transpose()?.unwrap_or_default();
        if filter.muted.is_some() {
            // The end of any mute may change the list.
            context.prevent_storing();
        }
        let list = ChatList { session, filter, order: self.order.into() };
        let page = self.page.request(&scope(organization, &list.scope()))?;
        Ok((list, page))
    }
}

fn scope<'a>(organization: &'a OrganizationId, list: &'a str) -> [&'a str; 3] {
    ["chats", organization.as_str(), list]
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

    /// Information about the page.
    async fn page_info(&self) -> &PageInfo {
        &self.listing.page_info
    }

    /// The number of chats in the whole list. Counted only if this field is selected. Null if counting takes longer
    /// than about a second.
    async fn total_count(&self, context: &Context<'_>) -> Result<Option<i64>, ApiError> {
        let count = context.loader().load_one(ChatCountKey(self.list.clone())).await?;
        if count.is_none() {
            // Counting may succeed the next time.
            context.prevent_storing();
        }
        Ok(count)
    }

    /// The position in the change log that this page reflects. Pass it as `chatChanges(after:)` to miss no change.
    async fn change_cursor(&self) -> &str {
        &self.change_cursor
    }
}

/// A chat and its cursor.
#[derive(Description)]
pub(in crate::graphql) struct ChatEdge<'a>(&'a Edge<Chat>);

#[Object(use_type_description)]
impl ChatEdge<'_> {
    /// The cursor of this edge. Pass it as `after` to continue from there.
    async fn cursor(&self) -> &str {
        &self.0.cursor
    }

    /// The chat.
    async fn node(&self) -> &Chat {
        &self.0.item
    }
}
