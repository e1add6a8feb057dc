//! Translation of edits and revocations: they are sent as messages, and refer to another one.

use whatsapp_rust::{
    proto_helpers::MessageExt,
    types::message::{EditAttribute, MessageInfo},
    waproto::whatsapp::{
        Message, MessageKey,
        message::{ProtocolMessage, protocol_message},
    },
};

use super::{
    jid::{self, Untranslatable},
    text::text,
};
use crate::{domain::message::MessageUpdate, session::UpdatedMessage};

/// Returns the edit or revocation in a message; `None` for other messages.
///
/// # Errors
/// [`Untranslatable`] if the chat or the sender is not supported.
pub(super) fn from_message(message: &Message, info: &MessageInfo) -> Result<Option<UpdatedMessage>, Untranslatable> {
    let Some((rewrite, key)) = protocol(message).and_then(|protocol| rewrite(protocol, info)) else { return Ok(None) };
    let Some(wa_id) = key.id.clone() else { return Ok(None) };
    // Only the sender can change a message, except that a group's admin may revoke it, which WhatsApp's server marks.
    let other = key.participant.as_deref().filter(|_| info.edit == EditAttribute::AdminRevoke);
    let from_me = info.source.is_from_me && other.is_none();
    let sender = match other {
        Some(other) => jid::parse(other)?,
        None => jid::from_wire(&info.source.sender)?,
    };
    Ok(Some(UpdatedMessage { chat: jid::chat_of(&info.source)?, wa_id, sender, from_me, rewrite }))
}

/// Returns the edit or revocation, and the key of its message.
fn rewrite<'a>(protocol: &'a ProtocolMessage, info: &MessageInfo) -> Option<(MessageUpdate, &'a MessageKey)> {
    let rewrite = match protocol.r#type? {
        protocol_message::Type::REVOKE => MessageUpdate::Revocation,
        protocol_message::Type::MESSAGE_EDIT => MessageUpdate::Edit {
            text: text(protocol.edited_message.as_option()?),
            as_of: protocol.timestamp_ms.unwrap_or_else(|| info.timestamp.timestamp_millis()),
        },
        _ => return None,
    };
    Some((rewrite, protocol.key.as_option()?))
}

/// An edit may have another wrapper.
fn protocol(message: &Message) -> Option<&ProtocolMessage> {
    let message = message.get_base_message();
    let wrapped = message.edited_message.as_option().and_then(|wrapper| wrapper.message.as_option());
    wrapped.map_or(message, MessageExt::get_base_message).protocol_message.as_option()
}
