//! A message as callers see it.

use async_graphql::Context;
use async_graphql::Description;
use async_graphql::Enum;
use async_graphql::ID;
use async_graphql::Object;

use crate::domain::message;
use crate::graphql::chat::object::Chat;
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::ApiError;
use crate::graphql::scalar::Jid;
use crate::graphql::scalar::Timestamp;

/// A stored message of a chat.
#[derive(Description)]
pub(in crate::graphql) struct Message(message::Message);

impl From<message::Message> for Message {
    fn from(message: message::Message) -> Self {
        Self(message)
    }
}

/// What a message is, as a list of chats would show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "message::MessageKind")]
pub(in crate::graphql) enum MessageKind {
    /// Plain text, with or without a link preview.
    Text,
    /// A photo.
    Image,
    /// A video or an animation.
    Video,
    /// Sound or a voice note.
    Audio,
    /// A file.
    Document,
    /// A sticker.
    Sticker,
    /// A place, fixed or live.
    Location,
    /// One or more contact cards.
    Contact,
    /// A poll.
    Poll,
    /// A reaction to another message.
    Reaction,
    /// A call that took place or was missed.
    Call,
    /// Something WhatsApp says about the chat.
    System,
    /// Any other kind.
    Other,
}

#[Object(use_type_description)]
impl Message {
    /// The message's id.
    pub(in crate::graphql) async fn id(&self) -> ID {
        ID::from(self.0.id)
    }

    /// The chat it belongs to.
    async fn chat(&self, context: &Context<'_>) -> Result<Chat, ApiError> {
        let chat = context.loader().load_one(self.0.chat).await?;
        chat.map(Chat::from).ok_or_else(ApiError::chat_not_found)
    }

    /// Whether the session's own account wrote it, on whatever device.
    async fn from_me(&self) -> bool {
        self.0.from_me
    }

    /// Who wrote it.
    async fn sender(&self) -> Jid {
        self.0.sender.clone().into()
    }

    /// The name the sender went by. Null when it was not told.
    async fn sender_name(&self) -> Option<&str> {
        self.0.sender_name.as_deref()
    }

    /// What it is.
    async fn kind(&self) -> MessageKind {
        self.0.kind.into()
    }

    /// Its text or caption. Null when it has none.
    async fn text(&self) -> Option<&str> {
        self.0.text.as_deref()
    }

    /// When it was sent.
    async fn at(&self) -> Timestamp {
        self.0.at.into()
    }

    /// Whether the sender changed it since.
    async fn edited(&self) -> bool {
        self.0.edited
    }

    /// Whether it was deleted for everyone.
    async fn revoked(&self) -> bool {
        self.0.revoked
    }
}
