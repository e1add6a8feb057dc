//! Translation of messages: which ones belong to a chat, and of which kind they are.

use tracing::debug;
use whatsapp_rust::{
    buffa::MessageField,
    proto_helpers::MessageExt,
    types::{
        events::InboundMessage,
        message::{MessageCategory, MessageInfo},
    },
    waproto::{
        codec::message_encoded_len,
        whatsapp::{
            Message, WebMessageInfo, message::protocol_message::Type as NoticeType, web_message_info::StubType,
        },
    },
};

use super::{
    jid::{self, Untranslatable},
    message_edit,
    text::text,
};
use crate::{
    domain::{
        jid::{InvalidJid, Jid, JidKind},
        message::{IncomingMessage, MessageKind, MessageUpdate},
        person::Person,
    },
    session::{SessionEvent, UpdatedMessage},
};

/// Translates a delivered message, an edit or a revocation. `None` for messages that people do not see: keys, history
/// notifications, reactions.
///
/// # Errors
/// [`Untranslatable`] if its chat or sender is not supported: it must not be acknowledged as stored.
pub(super) fn delivered(inbound: &InboundMessage) -> Result<Option<SessionEvent>, Untranslatable> {
    let info: &MessageInfo = &inbound.info;
    // The phone's messages to its companion devices.
    if info.category == MessageCategory::Peer {
        return Ok(None);
    }
    if let Some(rewriting) = message_edit::from_message(&inbound.message, info)? {
        return Ok(Some(SessionEvent::MessageUpdated(rewriting)));
    }
    let Some((kind, text)) = content(&inbound.message) else { return Ok(None) };
    message_event(info, kind, text).map(Some)
}

/// Translates a message that only the phone can decrypt, such as one to be viewed once. Its content never arrives.
///
/// # Errors
/// As [`delivered`].
pub(super) fn unavailable(info: &MessageInfo) -> Result<SessionEvent, Untranslatable> {
    message_event(info, MessageKind::Other, None)
}

fn message_event(info: &MessageInfo, kind: MessageKind, text: Option<String>) -> Result<SessionEvent, Untranslatable> {
    let from_me = info.source.is_from_me;
    Ok(SessionEvent::Message(IncomingMessage {
        chat: jid::chat_of(&info.source)?,
        wa_id: info.id.clone(),
        sender: jid::from_wire(&info.source.sender)?,
        // The account's own name does not name a chat.
        sender_name: name(&info.push_name).filter(|_| !from_me),
        from_me,
        kind,
        text,
        at: info.timestamp.timestamp_millis(),
    }))
}

/// Returns the verified name of the business that sent a message.
pub(super) fn business(inbound: &InboundMessage) -> Option<SessionEvent> {
    let info: &MessageInfo = &inbound.info;
    let verified = info.verified_name.as_ref().filter(|_| !info.source.is_from_me)?;
    let name = name(verified.name.as_deref()?)?;
    Some(SessionEvent::BusinessNamed { jid: jid::from_wire(&info.source.sender).ok()?, name })
}

/// Returns the id of a history announcement.
pub(super) fn announced(inbound: &InboundMessage) -> Option<String> {
    let is_own = inbound.info.source.is_from_me;
    (is_own && announces(&inbound.message)).then(|| inbound.info.id.clone())
}

/// Returns whether a message announces a part of the history, regardless of its sender.
pub(super) fn announces(message: &Message) -> bool {
    let notice = message.protocol_message.as_option();
    notice.is_some_and(|notice| notice.r#type == Some(NoticeType::HISTORY_SYNC_NOTIFICATION))
}

/// Returns the sender of a message if it has both addresses.
pub(super) fn writer(inbound: &InboundMessage) -> Option<Person> {
    let source = &inbound.info.source;
    Person::new(&jid::from_wire(&source.sender).ok()?, &jid::from_wire(source.sender_alt.as_ref()?).ok()?)
}

/// Translates a message from the history of `chat`, with its edit or revocation. `own` is the account's address. `None`
/// for messages that people do not see.
///
/// # Errors
/// [`Untranslatable`] if its sender is not supported or missing.
pub(super) fn recorded(
    message: &WebMessageInfo,
    chat: &Jid,
    own: &Jid,
) -> Result<Option<(IncomingMessage, Option<UpdatedMessage>)>, Untranslatable> {
    let rewrite = since(message);
    let said = match &rewrite {
        // Its content was removed.
        Some(MessageUpdate::Revocation) => Some((MessageKind::Other, None)),
        Some(MessageUpdate::Edit { text, .. }) => {
            let kind = edited(message).and_then(|(edited, _)| kind(edited.get_base_message()));
            Some((kind.unwrap_or(MessageKind::Text), text.clone()))
        }
        Some(MessageUpdate::DeletionForMe { .. }) | None => message.message.as_option().and_then(content),
    };
    let Some((kind, text)) = said else { return Ok(None) };
    let Some(key) = message.key.as_option() else { return Ok(None) };
    let Some(wa_id) = key.id.clone().filter(|id| !id.is_empty()) else { return Ok(None) };
    let Some(at) = message.message_timestamp.and_then(super::time::from_seconds) else { return Ok(None) };
    let from_me = key.from_me.unwrap_or(false);
    let sender = match chat.kind() {
        _ if from_me => own.clone(),
        JidKind::Group | JidKind::Broadcast | JidKind::Status => {
            let missing = Untranslatable { server: None, reason: InvalidJid::Malformed };
            jid::parse(key.participant.as_deref().or(message.participant.as_deref()).ok_or(missing)?)?
        }
        JidKind::PhoneNumber
        | JidKind::Lid
        | JidKind::Newsletter
        | JidKind::Bot
        | JidKind::Interop
        | JidKind::Messenger => chat.clone(),
    };
    let rewriting = rewrite.map(|rewrite| {
        let (chat, wa_id, sender) = (chat.clone(), wa_id.clone(), sender.clone());
        UpdatedMessage { chat, wa_id, sender, from_me, rewrite }
    });
    let message = IncomingMessage {
        chat: chat.clone(),
        wa_id,
        sender,
        sender_name: message.push_name.as_deref().and_then(name).filter(|_| !from_me),
        from_me,
        kind,
        text,
        at,
    };
    Ok(Some((message, rewriting)))
}

/// Returns the edit or revocation of a message in a history: phones mark a revoked one, and wrap the text of an edited
/// one.
fn since(message: &WebMessageInfo) -> Option<MessageUpdate> {
    if message.message_stub_type == Some(StubType::REVOKE) || message.revoke_message_timestamp.is_some() {
        return Some(MessageUpdate::Revocation);
    }
    let (edited, as_of) = edited(message)?;
    Some(MessageUpdate::Edit { text: text(edited), as_of })
}

/// Returns the content of an edited message, and the time of the edit in milliseconds; 0 if it is unknown.
fn edited(message: &WebMessageInfo) -> Option<(&Message, i64)> {
    let edited = message.message.as_option()?.edited_message.as_option()?.message.as_option()?;
    match edited.protocol_message.as_option() {
        Some(edit) => Some((edit.edited_message.as_option()?, edit.timestamp_ms.unwrap_or(0))),
        None => Some((edited, 0)),
    }
}

fn name(text: &str) -> Option<String> {
    (!text.trim().is_empty()).then(|| text.to_owned())
}

/// Returns a message's kind, and its text or caption; `None` if it is not a message of a chat.
pub(super) fn content(message: &Message) -> Option<(MessageKind, Option<String>)> {
    if is_about_another(message) || is_about_another(message.get_base_message()) {
        debug!("Ignored a message that only concerns another message or the account's devices");
        return None;
    }
    let message = message.get_base_message();
    Some((kind(message)?, text(message)))
}

/// Returns whether it is an edit, deletion, reaction, vote or pin, or a message between devices.
fn is_about_another(message: &Message) -> bool {
    message.protocol_message.is_set()
        || message.edited_message.is_set()
        || message.reaction_message.is_set()
        || message.enc_reaction_message.is_set()
        || message.poll_update_message.is_set()
        || message.keep_in_chat_message.is_set()
        || message.pin_in_chat_message.is_set()
        || message.secret_encrypted_message.is_set()
        || message.enc_event_response_message.is_set()
        || message.placeholder_message.is_set()
}

/// Returns the kind; `None` for a message that only carries keys.
fn kind(message: &Message) -> Option<MessageKind> {
    let polls = [
        &message.poll_creation_message,
        &message.poll_creation_message_v2,
        &message.poll_creation_message_v3,
        &message.poll_creation_message_v5,
        &message.poll_creation_message_v6,
    ];
    let kinds = [
        (MessageKind::Text, message.conversation.is_some() || message.extended_text_message.is_set()),
        (MessageKind::Image, message.image_message.is_set()),
        (MessageKind::Video, message.video_message.is_set() || message.ptv_message.is_set()),
        (MessageKind::Audio, message.audio_message.is_set()),
        (MessageKind::Document, message.document_message.is_set()),
        (MessageKind::Sticker, message.sticker_message.is_set() || message.lottie_sticker_message.is_set()),
        (MessageKind::Location, message.location_message.is_set() || message.live_location_message.is_set()),
        (MessageKind::Contact, message.contact_message.is_set() || message.contacts_array_message.is_set()),
        (MessageKind::Poll, polls.into_iter().any(MessageField::is_set) || message.poll_creation_message_v4.is_set()),
        (MessageKind::Call, message.call.is_set() || message.call_log_messsage.is_set()),
    ];
    if let Some((kind, _)) = kinds.into_iter().find(|(_, is_it)| *is_it) {
        return Some(kind);
    }
    let mut rest = message.clone();
    rest.sender_key_distribution_message = None.into();
    rest.fast_ratchet_key_sender_key_distribution_message = None.into();
    rest.message_context_info = None.into();
    (message_encoded_len(&rest) > 0).then_some(MessageKind::Other)
}

#[cfg(test)]
mod tests;
