//! Unread counts of an import.

use super::context::InboundContext;
use crate::{
    domain::{
        chat::{Chat, ChatPatch},
        message::{IncomingMessage, MessageUpdate},
        message_marker::MessageMarker,
        setting::Setting,
    },
    session::{HistoryChat, HistoryChunk},
    store::error::StoreError,
};

/// WhatsApp ids of the incoming messages in a chat that a part of a history reports as revoked. Its unread count
/// excludes them.
pub(super) fn revoked<'a>(chunk: &'a HistoryChunk, chat: &HistoryChat) -> Vec<&'a str> {
    let of_chat = chunk.rewritings.iter().filter(|it| it.chat == chat.jid && !it.from_me);
    of_chat.filter(|it| it.rewrite == MessageUpdate::Revocation).map(|it| it.wa_id.as_str()).collect()
}

/// Returns those of the messages that were deleted here but still count as unread.
pub(super) async fn deleted_here(
    cx: &mut InboundContext<'_, '_>,
    chat: &Chat,
    wa_ids: &[&str],
) -> Result<Vec<String>, StoreError> {
    if wa_ids.is_empty() || chat.known_up_to.is_none() {
        return Ok(Vec::new());
    }
    let wa_ids: Vec<_> = wa_ids.iter().map(|id| (*id).to_owned()).collect();
    let deleted = cx.unit.deleted_unread(cx.session, &wa_ids).await?;
    Ok(deleted.into_iter().filter(|it| it.chat == chat.id).map(|it| it.wa_id).collect())
}

/// Returns the position of the last incoming message in a history that is read if `unread` are not.
fn read_in_history(messages: &[IncomingMessage], unread: u32, revoked: &[&str]) -> Option<MessageMarker> {
    let mut of_others: Vec<_> = messages.iter().filter(|message| !message.from_me).collect();
    of_others.retain(|message| !revoked.contains(&message.wa_id.as_str()));
    of_others.sort_by_key(|message| std::cmp::Reverse(message.at));
    of_others.into_iter().map(MessageMarker::at_message).nth(usize::try_from(unread).unwrap_or(usize::MAX))
}

/// Incoming messages of a chat that a history reports as revoked.
pub(super) struct Revoked<'a> {
    /// All of them.
    pub(super) reported: &'a [&'a str],
    /// Those that the stored copy still counts.
    pub(super) counted: &'a [&'a str],
}

/// Counts unread messages. `known` is the number of incoming messages after the read position so far; `None` for a new
/// chat.
///
/// A history gives the unread count at the time of its export: the last N incoming messages up to then, so that all
/// earlier ones are read. If fewer are stored, the number alone applies, as long as the chat is new here.
pub(super) async fn count(
    cx: &mut InboundContext<'_, '_>,
    chat: &Chat,
    imported: &HistoryChat,
    Revoked { reported, counted }: Revoked<'_>,
    known: Option<u32>,
    patch: &mut ChatPatch,
) -> Result<(), StoreError> {
    let Some(reported_count) = imported.unread_count else { return Ok(()) };
    let chats = [chat.id];
    let newest = imported.messages.iter().map(MessageMarker::at_message).reduce(|one, other| one.max_with(Some(other)));
    let read = match newest {
        Some(newest) => cx.unit.last_but(chat.id, reported_count, counted, &newest).await?,
        None => None,
    };
    // Some messages that were deleted here may have been read.
    let deleted = chat.known_up_to.as_ref().and_then(|_| read_in_history(&imported.messages, reported_count, reported));
    let read = match (read, deleted) {
        (Some(read), deleted) => Some(read.max_with(deleted)),
        (None, deleted) => deleted,
    };
    if let Some(read) = &read {
        let place = read.clone().max_with(chat.read_to.clone());
        let place = cx.unit.expand_marker(&chats, place).await?;
        if chat.known_up_to.is_some() {
            // A later revocation of a read message must not lower the count.
            cx.unit.forget_deleted_to(chat.id, &place).await?;
        }
        patch.read_to = Some(place);
    }
    let place = patch.read_to.as_ref().or(chat.read_to.as_ref());
    let behind = cx.unit.count_after(&chats, place).await?;
    let asked = chat.pending.contains(Setting::Read.field());
    // The revocations of counted messages follow, and each lowers the count by one.
    let counted = reported_count.saturating_add(u32::try_from(counted.len()).unwrap_or(u32::MAX));
    patch.unread_count = match (&read, known) {
        // Messages that a client has read meanwhile do not become unread again.
        (_, Some(_)) if asked => None,
        (Some(_), _) => Some(behind),
        (None, None) if chat.read_to.is_some() => Some(counted.min(behind)),
        (None, None) => Some(counted),
        // If a part is imported again, it may have been counted before its messages were stored.
        (None, Some(_)) if chat.read_to.is_none() => Some(chat.unread_count.max(behind)),
        // Unread messages that are not stored stay counted.
        (None, Some(before)) => Some(chat.unread_count.saturating_add(behind.saturating_sub(before)).max(behind)),
    };
    Ok(())
}
