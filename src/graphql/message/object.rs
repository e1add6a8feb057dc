//! The `Message` object.

use async_graphql::{Context, Description, Enum, ID, Object};

use crate::{
    domain::message,
    graphql::{
        chat::object::Chat,
        context::ContextExt as _,
        error::ApiError,
        scalar::{Jid, Timestamp},
    },
};

/// A stored message of a chat.
#[derive(Description)]
pub(in crate::graphql) struct Message(message::Message);

impl From<message::Message> for Message {
    fn from(message: message::Message) -> Self {
        Self(message)
    }
}

/// A kind of message, as a list of chats shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "message::MessageKind")]
pub(in crate::graphql) enum MessageKind {
    /// Plain text, with or without a link preview.
    Text,
    /// A photo.
    Image,
    /// A video or an animation.
    Video,
    /// A sound or a voice note.
    Audio,
    /// A file.
    Document,
    /// A sticker.
    Sticker,
    /// A location, fixed or live.
    Location,
    /// One or more contact cards.
    Contact,
    /// A poll.
    Poll,
    /// A reaction to another message.
    Reaction,
    /// A call, answered or missed.
    Call,
    /// A notice by WhatsApp about the chat.
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

    /// The chat of the message.
    async fn chat(&self, context: &Context<'_>) -> Result<Chat, ApiError> {
        let chat = context.loader().load_one(self.0.chat).await?;
        chat.map(Chat::from).ok_or_else(ApiError::chat_not_found)
    }

    /// True if the session's own account sent the message, from any of its devices.
    async fn from_me(&self) -> bool {
        self.0.from_me
    }

    /// The address of the sender.
    async fn sender(&self) -> Jid {
        self.0.sender.clone().into()
    }

    /// The name chosen by the sender. Null if it is unknown.
    async fn sender_name(&self) -> Option<&str> {
        self.0.sender_name.as_deref()
    }

    /// The kind of message.
    async fn kind(&self) -> MessageKind {
        self.0.kind.into()
    }

    /// The text or caption. Null if there is none.
    async fn text(&self) -> Option<&str> {
        self.0.text.as_deref()
    }

    /// The send time.
    async fn at(&self) -> Timestamp {
        self.0.at.into()
    }

    /// True if the sender edited the message.
    async fn edited(&self) -> bool {
        self.0.edited
    }

    /// True if the message was deleted for everyone.
    async fn revoked(&self) -> bool {
        self.0.revoked
    }
}
