//! Messages that arrive, with their effects on the chat.

use std::sync::atomic::{AtomicI64, Ordering};

use super::{
    context::{ChatLookup, InboundContext, StoredChat},
    edit, setting, unarchive, unread,
};
use crate::{
    domain::{
        chat::{Chat, ChatNames, ChatPatch, LastMessage},
        id::MessageId,
        message::{IncomingMessage, MessageKind, MessageRange},
        message_marker::MessageMarker,
        setting::SettingValue,
        tombstone::Tombstone,
    },
    store::error::StoreError,
};

/// Applies a message that arrived, or that the account sent from another device. `order` is its position in WhatsApp's
/// order, if known.
pub(in crate::service) async fn message(
    cx: &mut InboundContext<'_, '_>,
    message: &IncomingMessage,
    order: Option<i64>,
) -> Result<(), StoreError> {
    // Reactions and the like concern another message; they do not create or advance a chat.
    if message.kind == MessageKind::Reaction {
        return Ok(());
    }
    let Some((mut peer, found)) = cx.lookup_chat_at(&message.chat, message.at).await? else {
        return Ok(());
    };
    // Deleted messages do not come back.
    if let ChatLookup::Chat(chat) | ChatLookup::Tombstone(Tombstone { chat, .. }) = &found
        && chat.is_known_deleted(message)
    {
        return Ok(());
    }
    let Some(StoredChat { mut chat, is_new }) = cx.open_chat(found, &mut peer).await? else { return Ok(()) };
    let arrival = order.unwrap_or_else(|| next_arrival(cx.now()).max(chat.arrivals + 1));
    let stored = cx.unit.insert_message(cx.session, chat.id, &peer, message, arrival).await?;
    let address = Some((message.chat.clone(), message.at));
    let Some(id) = stored else {
        // A redelivery: only its address may be new.
        let patch = ChatPatch { address, ..ChatPatch::default() };
        return cx.apply(StoredChat::existing(chat), &patch).await;
    };
    chat.arrivals = chat.arrivals.max(arrival);
    let mut patch = ChatPatch { address, ..ChatPatch::default() };
    if let Some(name) = &message.sender_name
        && !message.from_me
        && (peer.is_person() || chat.jid == message.sender)
    {
        patch.names = ChatNames { push: Some(name.clone()), ..ChatNames::default() };
    }
    let is_expected = cx.unit.is_expected(cx.session, &message.wa_id).await?;
    let read = message.from_me
        || chat.read_to.as_ref().is_some_and(|place| place.lists(message))
        || is_expected && !chat.has_read(message) && cx.unit.take_early_receipt(cx.session, &message.wa_id).await?;
    if read {
        // Sending a message implies that the chat was read on that device.
        let reading = unread::read_up_to(cx, &chat, MessageMarker::at_message(message)).await?;
        (patch.unread_count, patch.read_to) = (Some(reading.unread), Some(reading.place));
    } else if !chat.has_read(message) {
        match read_before(cx, &chat, message).await? {
            Some(place) => patch.read_to = Some(place),
            None => patch.unread_count = Some(chat.unread_count.saturating_add(1)),
        }
    }
    patch.last_message = if is_last(&chat, message.at, id) {
        Some(LastMessage { id: Some(id), at: message.at })
    } else {
        cx.unit.last_message(chat.id).await?
    };
    if let Some(since) = unarchive::left_with(cx, &chat, message).await? {
        patch.settings.set_as_of(SettingValue::Archived(false), since);
    }
    if message.from_me {
        patch.settings.set(SettingValue::Read(true));
        patch.as_of = written_at(message, chat.settings.marked_unread.as_of);
        let IncomingMessage { wa_id, from_me, sender, at, .. } = message.clone();
        let range = MessageRange { wa_id, from_me, sender, at };
        let written_at = |asked_at| written_at(message, asked_at);
        patch.pending = setting::remove_unread_mark(cx, &chat, Some(range), written_at).await?;
    }
    cx.apply_opened(StoredChat { chat, is_new }, &patch).await?;
    if is_expected { edit::apply_early_of_message(cx, std::slice::from_ref(&message.wa_id)).await } else { Ok(()) }
}

/// Returns whether a new message is certainly the last one of its chat.
fn is_last(chat: &Chat, at: i64, id: MessageId) -> bool {
    chat.last_message.is_none_or(|last| last.at < at || last.at == at && last.id.is_some_and(|last| last < id))
}

/// Returns the time of an own message relative to a mark of `marked_at`. Messages have whole seconds: in the same
/// second, a message that arrives after the mark was sent after it.
fn written_at(message: &IncomingMessage, marked_at: i64) -> i64 {
    if message.at.div_euclid(1_000) == marked_at.div_euclid(1_000) { message.at.max(marked_at) } else { message.at }
}

/// Returns the read position for a stored message that arrives late, if WhatsApp sent it before a message of the same
/// second that is read; otherwise `None`.
async fn read_before(
    cx: &mut InboundContext<'_, '_>,
    chat: &Chat,
    message: &IncomingMessage,
) -> Result<Option<MessageMarker>, StoreError> {
    let Some(read_to) = chat.read_to.clone().filter(|place| place.at == message.at) else { return Ok(None) };
    let place = cx.unit.expand_marker(&[chat.id], read_to).await?;
    Ok(place.lists(message).then_some(place))
}

/// Returns the number of a message that arrives now, increasing over all chats.
fn next_arrival(now: i64) -> i64 {
    static LAST: AtomicI64 = AtomicI64::new(0);
    let next = |last: i64| last.saturating_add(1).max(now.saturating_mul(1_000));
    LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last))).map_or(0, next)
}
