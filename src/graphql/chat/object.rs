//! A chat as callers see it.

use async_graphql::Context;
use async_graphql::Description;
use async_graphql::Enum;
use async_graphql::ID;
use async_graphql::Object;

use crate::domain::capability::Capability;
use crate::domain::chat;
use crate::domain::message;
use crate::graphql::capability::requires;
use crate::graphql::connection::Listing;
use crate::graphql::connection::PageArguments;
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::ApiError;
use crate::graphql::loader::AddressesOf;
use crate::graphql::loader::MessagesOf;
use crate::graphql::message::connection::MessageConnection;
use crate::graphql::message::object::Message;
use crate::graphql::scalar::Jid;
use crate::graphql::scalar::Revision;
use crate::graphql::scalar::Timestamp;
use crate::graphql::session::object::Session;

use super::sync::ChatSync;

/// A chat of a session, as the stored copy knows it.
#[derive(Debug, Clone, Description)]
pub(in crate::graphql) struct Chat(chat::Chat);

impl From<chat::Chat> for Chat {
    fn from(chat: chat::Chat) -> Self {
        Self(chat)
    }
}

/// The kind of a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "chat::ChatType")]
pub(in crate::graphql) enum ChatType {
    /// With one person, or an assistant.
    Dm,
    /// A group.
    Group,
    /// A newsletter, also called channel.
    Newsletter,
    /// A broadcast list.
    Broadcast,
    /// Status posts.
    Status,
}

#[Object(use_type_description)]
impl Chat {
    /// The chat's id. A chat that was deleted and comes back has another one.
    pub(in crate::graphql) async fn id(&self) -> ID {
        ID::from(self.0.id)
    }

    /// The session it belongs to.
    async fn session(&self, context: &Context<'_>) -> Result<Session, ApiError> {
        let session = context.loader().load_one(self.0.session).await?;
        session.map(Session::from).ok_or_else(ApiError::session_not_found)
    }

    /// Its canonical address: the `cid` of queries and mutations.
    async fn jid(&self) -> Jid {
        self.0.jid.clone().into()
    }

    /// Its other addresses: a person's LID, beside the phone number that the chat is kept under once it is known.
    async fn aliases(&self, context: &Context<'_>) -> Result<Vec<Jid>, ApiError> {
        let addresses = context.loader().load_one(AddressesOf(self.0.id)).await?.unwrap_or_default();
        Ok(addresses.into_iter().filter(|address| *address != self.0.jid).map(Jid::from).collect())
    }

    /// The kind of chat.
    async fn r#type(&self) -> ChatType {
        self.0.chat_type().into()
    }

    /// What it is called: a group's subject; else the saved contact name, the name the other side chose, a business's
    /// verified name or the phone number, in that order. Null when none is known.
    async fn name(&self) -> Option<String> {
        self.0.name()
    }

    /// Whether it is archived.
    async fn archived(&self) -> bool {
        self.0.archived.value
    }

    /// Whether it is pinned to the top of the list.
    async fn pinned(&self) -> bool {
        self.0.pinned.value
    }

    /// Whether it is muted at this moment.
    async fn muted(&self, context: &Context<'_>) -> bool {
        self.0.muted(context.chats().now())
    }

    /// When the mute ends. Null when the chat is not muted.
    async fn muted_until(&self, context: &Context<'_>) -> Option<Timestamp> {
        let muted = self.0.muted(context.chats().now());
        self.0.muted_until.value.filter(|_| muted).map(Timestamp)
    }

    /// How many messages are unread, as the phone counts them.
    async fn unread_count(&self) -> u32 {
        self.0.unread_count
    }

    /// Whether it was marked as unread by hand, whatever the count.
    async fn marked_unread(&self) -> bool {
        self.0.marked_unread.value
    }

    /// When its last message was sent. Null when it has none.
    async fn last_message_at(&self) -> Option<Timestamp> {
        self.0.last_message.map(|message| Timestamp(message.at))
    }

    /// Its last message. Null when it has none, or when only its time is known. Requires `read`, wherever the chat was
    /// reached.
    #[graphql(guard = "requires(Capability::Read)")]
    async fn last_message(&self, context: &Context<'_>) -> Result<Option<Message>, ApiError> {
        let Some(id) = self.0.last_message.and_then(|message| message.id) else { return Ok(None) };
        Ok(context.loader().load_one(id).await?.map(Message::from))
    }

    /// Its stored messages, newest first. Requires `read`, wherever the chat was reached.
    #[graphql(guard = "requires(Capability::Read)")]
    async fn messages(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "How many from the beginning or behind `after`, 1 to 200; 50 when neither this nor `last` is given."
        )]
        first: Option<i64>,
        #[graphql(desc = "The cursor of the message to go on behind; not together with `last` or `before`.")]
        after: Option<String>,
        #[graphql(desc = "How many from the end or before `before`, 1 to 200; not together with `first`.")]
        last: Option<i64>,
        #[graphql(desc = "The cursor of the message to go back from; not together with `first` or `after`.")]
        before: Option<String>,
    ) -> Result<MessageConnection, ApiError> {
        let organization = context.viewer().require(Capability::Read)?;
        let id = self.0.id.to_string();
        let scope = ["messages", organization.as_str(), &id];
        let page = PageArguments { first, after, last, before }.request(&scope)?;
        let page = context.loader().load_one(MessagesOf(self.0.id, page)).await?;
        let page = page.ok_or_else(ApiError::chat_not_found)?;
        Ok(MessageConnection(Listing::of(page, &scope, message::Message::key)))
    }

    /// Grows with every change of this chat. Of two answers about it, the one with the greater revision is the later one,
    /// however they arrived: a client keeps that and drops the other. In `ChatChange.chat`, the revision that the change
    /// left. Messages have none: `messages` may differ between answers of one revision. `muted` and `mutedUntil` also
    /// follow the clock, until the end of the mute is recorded.
    async fn revision(&self, context: &Context<'_>) -> Revision {
        Revision(context.chats().revision(&self.0))
    }

    /// Whether WhatsApp has everything this chat shows.
    async fn sync(&self) -> ChatSync {
        ChatSync { chat: self.0.id, pending: self.0.pending, refused: self.0.refused }
    }
}
