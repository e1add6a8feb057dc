//! The `Chat` object.

use async_graphql::{Context, Description, ID, Object};

use super::{enums::ChatType, sync::ChatSync};
use crate::{
    domain::{
        capability::Capability,
        chat_view::{ChatView, ListedChat},
        message,
    },
    graphql::{
        capability::requires,
        connection::{ConnectionPage, PageArguments},
        context::ContextExt as _,
        error::ApiError,
        loader::{AddressesKey, MessagePageKey},
        message::{connection::MessageConnection, object::Message},
        scalar::{Jid, Revision, Timestamp},
        session::object::Session,
    },
};

/// A chat of a session, as it is in the stored copy.
#[derive(Debug, Clone, Description)]
pub(in crate::graphql) struct Chat(pub(super) ChatView);

impl From<ChatView> for Chat {
    fn from(chat: ChatView) -> Self {
        Self(chat)
    }
}

impl From<ListedChat> for Chat {
    fn from(listed: ListedChat) -> Self {
        Self(listed.chat)
    }
}

#[Object(use_type_description)]
impl Chat {
    /// The chat's id. A chat that was deleted and reappears has a new id.
    pub(in crate::graphql) async fn id(&self) -> ID {
        ID::from(self.0.id)
    }

    /// The session of the chat.
    async fn session(&self, context: &Context<'_>) -> Result<Session, ApiError> {
        let session = context.loader().load_one(self.0.session).await?;
        session.map(Session::from).ok_or_else(ApiError::session_not_found)
    }

    /// The canonical address: the `cid` of queries and mutations.
    async fn jid(&self) -> Jid {
        self.0.jid.clone().into()
    }

    /// The other addresses of the chat. If a user's phone number is known, it is the canonical address, and the LID is
    /// an alias.
    async fn aliases(&self, context: &Context<'_>) -> Result<Vec<Jid>, ApiError> {
        let addresses = context.loader().load_one(AddressesKey(self.0.id)).await?.unwrap_or_default();
        Ok(addresses.into_iter().filter(|address| *address != self.0.jid).map(Jid::from).collect())
    }

    /// The kind of chat.
    async fn r#type(&self) -> ChatType {
        self.0.chat_type().into()
    }

    /// The display name. For a group it is the subject. Otherwise it is the first known of: the saved contact name, the
    /// name chosen by the other side, a business's verified name, and the phone number. Null if none of them is known.
    async fn name(&self) -> Option<String> {
        self.0.name()
    }

    /// True if the chat is archived.
    async fn archived(&self) -> bool {
        self.0.state.settings.archived.value
    }

    /// True if the chat is pinned to the top of the list.
    async fn pinned(&self) -> bool {
        self.0.state.settings.pinned.value
    }

    /// True if the chat is muted now.
    async fn muted(&self, context: &Context<'_>) -> bool {
        context.muted_until(&self.0, context.chats().now()).is_some()
    }

    /// The end of the mute. Null if the chat is not muted.
    async fn muted_until(&self, context: &Context<'_>) -> Option<Timestamp> {
        context.muted_until(&self.0, context.chats().now()).map(Timestamp)
    }

    /// The number of unread messages, as on the phone.
    async fn unread_count(&self) -> u32 {
        self.0.state.unread_count
    }

    /// True if the chat was marked as unread by hand, regardless of `unreadCount`.
    async fn marked_unread(&self) -> bool {
        self.0.state.settings.marked_unread.value
    }

    /// The send time of the last message. Null if there is no last message.
    async fn last_message_at(&self) -> Option<Timestamp> {
        self.0.state.last_message.map(|message| Timestamp(message.at))
    }

    /// The last message. Null if there is no last message, or if only its time is known. Requires `read`, whichever
    /// field returned the chat.
    #[graphql(guard = "requires(Capability::Read)")]
    async fn last_message(&self, context: &Context<'_>) -> Result<Option<Message>, ApiError> {
        let Some(id) = self.0.state.last_message.and_then(|message| message.id) else { return Ok(None) };
        Ok(context.loader().load_one(id).await?.map(Message::from))
    }

    /// The stored messages, newest first. Requires `read`, whichever field returned the chat.
    #[graphql(guard = "requires(Capability::Read)")]
    async fn messages(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "The number of items from the start of the list, or following `after`: 1 to 200. The default is 50 \
                    if `last` is missing too."
        )]
        first: Option<i64>,
        #[graphql(desc = "Return the messages after this cursor. Cannot be combined with `last` or `before`.")]
        after: Option<String>,
        #[graphql(
            desc = "The number of items from the end of the list, or preceding `before`: 1 to 200. Cannot be combined \
                    with `first`."
        )]
        last: Option<i64>,
        #[graphql(desc = "Return the messages before this cursor. Cannot be combined with `first` or `after`.")]
        before: Option<String>,
    ) -> Result<MessageConnection, ApiError> {
        let organization = context.organization()?;
        let id = self.0.id.to_string();
        let scope = ["messages", organization.as_str(), &id];
        let page = PageArguments { first, after, last, before }.request(&scope)?;
        let page = context.loader().load_one(MessagePageKey(self.0.id, page)).await?;
        let page = page.ok_or_else(ApiError::chat_not_found)?;
        Ok(MessageConnection(ConnectionPage::new(page, &scope, message::Message::key)))
    }

    /// The revision of the chat, which increases with every change. Of two responses about a chat, the one with the
    /// greater revision is newer, in whatever order they arrive. A client should keep that one and drop the other. In
    /// `ChatChange.chat`, it is the revision after the change. Messages have no revision: `messages` may differ between
    /// responses with the same revision. `muted` and `mutedUntil` also follow the clock until the end of the mute is
    /// recorded.
    async fn revision(&self, context: &Context<'_>) -> Revision {
        Revision(context.chats().revision(&self.0))
    }

    /// The synchronization of this chat with WhatsApp.
    async fn sync(&self) -> ChatSync {
        ChatSync::from(&self.0)
    }
}
