//! The plain fields of messages (see [`crate::graphql::rendering`]).

use async_graphql::parser::types::Field;

use super::object::MessageKind;
use crate::{
    domain::message::Message,
    graphql::rendering::{Needs, PlainFields, WriteField, write},
};

impl PlainFields for Message {
    const NAME: &str = "Message";

    fn plain(field: &Field, _: &mut Needs) -> Option<WriteField<Self>> {
        match field.name.node.as_str() {
            "id" => write(|message: &Self, _, json| json.id(message.id)),
            "fromMe" => write(|message: &Self, _, json| json.bool(message.from_me)),
            "sender" => write(|message: &Self, _, json| json.text(message.sender.as_str())),
            "senderName" => write(|message: &Self, _, json| json.text(message.sender_name.as_deref())),
            "kind" => write(|message: &Self, _, json| json.name(MessageKind::from(message.kind))),
            "text" => write(|message: &Self, _, json| json.text(message.text.as_deref())),
            "at" => write(|message: &Self, _, json| json.number(message.at)),
            "edited" => write(|message: &Self, _, json| json.bool(message.edited)),
            "revoked" => write(|message: &Self, _, json| json.bool(message.revoked)),
            // `chat` leads back to a chat.
            _ => None,
        }
    }
}
