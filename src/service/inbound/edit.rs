//! Changes of stored messages: edits, revocations, and deletions of one message.

use super::context::{InboundContext, StoredChat};
use crate::{
    domain::{
        change::Origin,
        chat::{Chat, ChatPatch},
        clock::DAY_MS,
        id::PeerId,
        jid::Jid,
        message::{Message, MessageUpdate},
        message_marker::MessageMarker,
        setting::Setting,
    },
    session::UpdatedMessage,
    store::{EarlyEdit, error::StoreError},
};

/// Time for which an edit or a revocation waits for its message, in milliseconds; longer than WhatsApp keeps a message.
const EARLY_EDIT_RETENTION_MS: i64 = 45 * DAY_MS;

/// Edits or revokes a message. A change is published if it is the chat's last message, or if the unread count changes.
pub(super) async fn message_updated(
    cx: &mut InboundContext<'_, '_>,
    rewriting: &UpdatedMessage,
) -> Result<(), StoreError> {
    // Lock order: session, then chats.
    if cx.unit.session_for_update(cx.session).await?.is_none() {
        return Ok(());
    }
    let Some((chat, before)) = subject(cx, rewriting).await? else {
        revoke_deleted(cx, rewriting).await?;
        return keep(cx, rewriting).await;
    };
    apply(cx, rewriting, chat, before).await?;
    // WhatsApp may still deliver the message again.
    if matches!(rewriting.rewrite, MessageUpdate::DeletionForMe { .. }) {
        keep(cx, rewriting).await?;
    }
    Ok(())
}

/// Stores an edit, a revocation or a deletion until its message arrives, unless the message is too old for that.
async fn keep(cx: &mut InboundContext<'_, '_>, rewriting: &UpdatedMessage) -> Result<(), StoreError> {
    let oldest = cx.now() - EARLY_EDIT_RETENTION_MS;
    if matches!(rewriting.rewrite, MessageUpdate::DeletionForMe { sent_at } if sent_at < oldest) {
        return Ok(());
    }
    let UpdatedMessage { chat, wa_id, sender, from_me, rewrite } = rewriting.clone();
    let early = EarlyEdit { chat, wa_id, sender, from_me, rewrite };
    cx.unit.keep_early_edit(cx.session, &early, oldest).await
}

/// Applies an edit or a revocation to a stored message.
async fn apply(
    cx: &mut InboundContext<'_, '_>,
    rewriting: &UpdatedMessage,
    chat: Chat,
    before: Message,
) -> Result<(), StoreError> {
    if matches!(rewriting.rewrite, MessageUpdate::DeletionForMe { .. }) {
        return remove(&mut cx.with_origin(Origin::Device), chat, before).await;
    }
    let cx = &mut cx.with_origin(Origin::Message);
    let Some(after) = before.updated(&rewriting.rewrite) else { return Ok(()) };
    let mut patch = ChatPatch { rewritten: Some(before.id), ..ChatPatch::default() };
    if after.revoked && !before.from_me {
        patch.unread_count = unread_after_revoke(cx, &chat, &before).await?;
    }
    cx.unit.rewrite_message(&after).await?;
    cx.apply(StoredChat::existing(chat), &patch).await
}

/// Removes a message that the user deleted for themselves. It no longer counts as unread.
async fn remove(cx: &mut InboundContext<'_, '_>, chat: Chat, message: Message) -> Result<(), StoreError> {
    let mut patch = ChatPatch { removed: Some(message.id), ..ChatPatch::default() };
    if !message.from_me && !message.revoked {
        patch.unread_count = unread_after_revoke(cx, &chat, &message).await?;
    }
    cx.unit.remove_messages(&[message.id]).await?;
    patch.last_message = cx.unit.last_message(chat.id).await?;
    cx.apply(StoredChat::existing(chat), &patch).await
}

/// Subtracts one from the unread count of a chat or a tombstone, if an unread message that was deleted here was
/// revoked, or deleted on the phone.
async fn revoke_deleted(cx: &mut InboundContext<'_, '_>, rewriting: &UpdatedMessage) -> Result<(), StoreError> {
    if matches!(rewriting.rewrite, MessageUpdate::Edit { .. }) || rewriting.from_me {
        return Ok(());
    }
    let cx = &mut cx.with_origin(Origin::Message);
    let wa_ids = std::slice::from_ref(&rewriting.wa_id);
    let unread = cx.unit.deleted_unread(cx.session, wa_ids).await?;
    for peer in owners(cx, &rewriting.chat).await? {
        let Some(id) = cx.unit.peer(peer).await?.and_then(|peer| peer.chat) else { continue };
        let Some(it) = unread.iter().find(|it| it.chat == id) else { continue };
        cx.unit.forget_deleted_unread(it).await?;
        let less =
            |chat: &Chat| ChatPatch { unread_count: Some(chat.unread_count.saturating_sub(1)), ..ChatPatch::default() };
        if let Some(chat) = cx.unit.chat_by_id_for_update(id).await? {
            let patch = less(&chat);
            cx.apply(StoredChat::existing(chat), &patch).await?;
        } else if let Some(tombstone) = cx.unit.tombstone_by_id_for_update(id).await? {
            let patch = less(&tombstone.chat);
            cx.update_tombstone(tombstone, &patch).await?;
        }
    }
    Ok(())
}

/// Applies edits and revocations that arrived before their messages.
pub(super) async fn apply_early_of_message(
    cx: &mut InboundContext<'_, '_>,
    wa_ids: &[String],
) -> Result<(), StoreError> {
    let early = cx.unit.early_edits(cx.session, wa_ids).await?;
    apply_early(cx, early).await
}

/// Applies early edits and revocations after new mappings of these addresses: the messages may be stored under another
/// address.
pub(super) async fn apply_early_of_addresses(
    cx: &mut InboundContext<'_, '_>,
    addresses: &[&Jid],
) -> Result<(), StoreError> {
    if addresses.is_empty() || !cx.unit.has_early_edits(cx.session).await? {
        return Ok(());
    }
    let early = cx.unit.early_edits_under(cx.session, addresses).await?;
    apply_early(cx, early).await
}

async fn apply_early(cx: &mut InboundContext<'_, '_>, waiting: Vec<EarlyEdit>) -> Result<(), StoreError> {
    for early in waiting {
        let EarlyEdit { chat, wa_id, sender, from_me, rewrite } = early.clone();
        let rewriting = UpdatedMessage { chat, wa_id, sender, from_me, rewrite };
        if let Some((chat, message)) = subject(cx, &rewriting).await? {
            apply(cx, &rewriting, chat, message).await?;
            if !matches!(rewriting.rewrite, MessageUpdate::DeletionForMe { .. }) {
                cx.unit.remove_early_edit(cx.session, &early).await?;
            }
        } else {
            // The message may have been deleted here under another address. It may also still arrive, so keep the
            // rewrite.
            revoke_deleted(cx, &rewriting).await?;
        }
    }
    Ok(())
}

/// Returns the edited, revoked or deleted message, and its chat. The event may be older than the known mappings, so all
/// former owners of the address are considered.
async fn subject(
    cx: &mut InboundContext<'_, '_>,
    rewriting: &UpdatedMessage,
) -> Result<Option<(Chat, Message)>, StoreError> {
    for peer in owners(cx, &rewriting.chat).await?.into_iter().rev() {
        let Some(peer) = cx.unit.peer(peer).await? else { continue };
        let Some(chat) = cx.unit.chat_with_for_update(&peer).await? else { continue };
        let named = cx.unit.messages_by_key(chat.id, &rewriting.wa_id).await?;
        let writers = if peer.is_person() { vec![peer.id] } else { owners(cx, &rewriting.sender).await? };
        // Some clients do not name the author of a group's message that the owner deletes.
        let by_anyone =
            matches!(rewriting.rewrite, MessageUpdate::DeletionForMe { .. }) && rewriting.sender == rewriting.chat;
        let is_own = rewriting.from_me
            // An admin can revoke the account's own messages.
            || !peer.is_person() && writers.contains(&PeerId::account(cx.session));
        let is_it = |message: &Message| {
            if is_own {
                message.from_me
            } else {
                !message.from_me && (by_anyone || writers.contains(&message.sender_id))
            }
        };
        if let Some(message) = named.into_iter().find(is_it) {
            return Ok(Some((chat, message)));
        }
    }
    Ok(None)
}

/// All peers that ever had an address.
async fn owners(cx: &mut InboundContext<'_, '_>, jid: &Jid) -> Result<Vec<PeerId>, StoreError> {
    let periods = cx.unit.periods(cx.session, jid).await?;
    let mut owners: Vec<_> = periods.iter().map(|period| period.peer).collect();
    owners.dedup();
    Ok(owners)
}

/// Returns the unread count without this message if it is unread; the unread messages are the last N incoming ones. If
/// a pending read request covers the message, a rejection must not restore it as unread.
async fn unread_after_revoke(
    cx: &mut InboundContext<'_, '_>,
    chat: &Chat,
    message: &Message,
) -> Result<Option<u32>, StoreError> {
    let place = MessageMarker { at: message.at, wa_ids: vec![message.wa_id.clone()] };
    let place = cx.unit.expand_marker(&[chat.id], place).await?;
    let later = cx.unit.count_after(&[chat.id], Some(&place)).await?;
    if later < chat.unread_count {
        return Ok(Some(chat.unread_count - 1));
    }
    if chat.pending.contains(Setting::Read.field())
        && let Some(mut action) = cx.unit.pending_action(cx.session, chat.id, &chat.jid, Setting::Read).await?
        && later < chat.unread_count.saturating_add(action.unread)
    {
        action.unread -= 1;
        cx.unit.put_pending_action(&action).await?;
    }
    Ok(None)
}
