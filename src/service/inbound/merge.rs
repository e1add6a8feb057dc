//! Merging two peers into one, with the effects on their chats.

use super::{context::InboundContext, recount};
use crate::{
    domain::{
        change::Change,
        chat::Chat,
        id::{ChatId, PeerId},
        jid::Jid,
        merge::OpenActions,
        message_marker::MessageMarker,
        peer::{Peer, canonical},
        setting::Versioned,
        tombstone::Tombstone,
    },
    service::chat::delete,
    store::{MovedMessages, error::StoreError},
};

/// Updates the canonical address of a peer and of its chat.
pub(super) async fn settle_addresses(cx: &mut InboundContext<'_, '_>, peer: PeerId) -> Result<(), StoreError> {
    let Some(peer) = show(cx, peer).await? else { return Ok(()) };
    let Some(mut chat) = cx.unit.chat_with_for_update(&peer).await? else { return Ok(()) };
    let before = chat.clone();
    rekey(cx, &mut chat, &peer).await?;
    let joined = chat.merged_change(&before, cx.now(), cx.origin);
    cx.unit.save_chat(&chat).await?;
    cx.unit.record(joined);
    Ok(())
}

/// Updates the canonical address of a peer.
async fn show(cx: &mut InboundContext<'_, '_>, peer: PeerId) -> Result<Option<Peer>, StoreError> {
    let Some(mut peer) = cx.unit.peer(peer).await? else { return Ok(None) };
    if let Some(jid) = canonical(&cx.unit.periods_of(peer.id).await?).filter(|jid| **jid != peer.jid) {
        peer.jid = jid.clone();
        cx.unit.save_peer(&peer).await?;
    }
    Ok(Some(peer))
}

/// Stores the chat under its peer's address. Settings are sent under the address that WhatsApp used last, as long as
/// the peer has it: WhatsApp may still know the chat by another address.
async fn rekey(cx: &mut InboundContext<'_, '_>, chat: &mut Chat, peer: &Peer) -> Result<(), StoreError> {
    let before = std::mem::replace(&mut chat.jid, peer.jid.clone());
    let periods = cx.unit.periods_of(peer.id).await?;
    let has = |jid: &Jid| periods.iter().any(|period| period.jid == *jid && period.until.is_none());
    match &mut chat.address {
        Some(address) if has(&address.value) => {}
        Some(address) => address.value = peer.jid.clone(),
        None if before != peer.jid && has(&before) => {
            chat.address = Some(Box::new(Versioned { value: before, as_of: 0 }));
        }
        None => {}
    }
    Ok(())
}

/// Merges two peers and their chats. If both have a chat, the first one's stays.
pub(super) async fn merge(cx: &mut InboundContext<'_, '_>, one: PeerId, other: PeerId) -> Result<(), StoreError> {
    let (Some(one), Some(other)) = (cx.unit.peer(one).await?, cx.unit.peer(other).await?) else {
        return Ok(());
    };
    let ids: Vec<_> = [one.chat, other.chat].into_iter().flatten().collect();
    let mut stored = cx.unit.chats_by_ids_for_update(&ids).await?;
    stored.sort_by_key(|chat| Some(chat.id) != one.chat);
    let mut deleted = Vec::new();
    for peer in [&one, &other] {
        deleted.extend(cx.unit.tombstone_for_update(peer).await?);
    }
    // Keep the peer that has the chat, so that the chat keeps its sender. The account's peer is permanent.
    let is_account = |peer: &Peer| peer.id == PeerId::account(cx.session);
    let first = stored.first().map(|chat| chat.id);
    let (mut into, from) = if is_account(&other) || !is_account(&one) && first.is_some() && first == other.chat {
        (other, one)
    } else {
        (one, other)
    };
    let merged = cx.unit.rename_sender(from.id, into.id).await?;
    let mut stored = stored.into_iter();
    let Some(mut chat) = stored.next() else {
        let kept = merge_deleted(cx, deleted).await?;
        cx.unit.join_peers(from.id, into.id).await?;
        into.chat = kept;
        cx.unit.save_peer(&into).await?;
        show(cx, into.id).await?;
        return recount::group_chats(cx, &merged).await;
    };
    let before = chat.clone();
    let joined = stored.next();
    if let Some(other) = &joined {
        hide(cx, &mut chat, other.created_at, other.known_up_to.as_ref()).await?;
        let mut other = other.clone();
        hide(cx, &mut other, chat.created_at, chat.known_up_to.as_ref()).await?;
        merge_into(cx, &mut chat, &MergeSide::Stored(&other), into.id).await?;
    }
    if Some(chat.id) != into.chat {
        cx.unit.set_writer(chat.id, into.id).await?;
    }
    cx.unit.join_peers(from.id, into.id).await?;
    into.chat = Some(chat.id);
    cx.unit.save_peer(&into).await?;
    let Some(peer) = show(cx, into.id).await? else { return Ok(()) };
    rekey(cx, &mut chat, &peer).await?;
    for tombstone in &deleted {
        hide(cx, &mut chat, tombstone.deleted_at, tombstone.chat.known_up_to.as_ref()).await?;
        merge_into(cx, &mut chat, &MergeSide::Deleted(&tombstone.chat), into.id).await?;
    }
    let last = cx.unit.last_message(chat.id).await?;
    chat.last_message =
        last.filter(|stored| chat.last_message.is_none_or(|known| known.at <= stored.at)).or(chat.last_message);
    recount::remove_cleared(cx, &mut chat).await?;
    // The deletion of one half may cover all messages of the other.
    let is_gone = !deleted.is_empty() && chat.last_message.is_none() && before.last_message.is_some();
    let replaces = joined.as_ref().map(|other| other.id);
    let change = (!is_gone).then(|| Change { replaces, ..chat.merged_change(&before, cx.now(), cx.origin) });
    cx.unit.save_chat(&chat).await?;
    if let Some(other) = joined {
        cx.unit.note_merged(&other, chat.id).await?;
        cx.unit.record(Change { merged_into: Some(chat.id), ..other.deleted(cx.now(), cx.origin) });
    }
    match change {
        Some(change) => cx.unit.record(change),
        None => delete::delete(cx.unit, &chat, cx.origin).await?,
    }
    recount::group_chats(cx, &merged).await
}

/// Removes what was known when the other half of a chat was deleted, if the chat began later. It would not have come
/// back if both had been known to be one.
async fn hide(
    cx: &mut InboundContext<'_, '_>,
    chat: &mut Chat,
    deleted_at: i64,
    known_up_to: Option<&MessageMarker>,
) -> Result<(), StoreError> {
    let Some(place) = known_up_to.filter(|_| chat.created_at >= deleted_at) else { return Ok(()) };
    let before = cx.unit.count_after(&[chat.id], chat.read_to.as_ref()).await?;
    cx.unit.remove_messages_up_to(chat.id, place).await?;
    let after = cx.unit.count_after(&[chat.id], chat.read_to.as_ref()).await?;
    chat.unread_count = chat.unread_count.saturating_sub(before.saturating_sub(after));
    let not_stored = chat.last_message.filter(|last| last.id.is_none());
    chat.last_message = cx.unit.last_message(chat.id).await?.or(not_stored);
    Ok(())
}

/// The other half of a chat.
enum MergeSide<'c> {
    /// A stored chat.
    Stored(&'c Chat),
    /// A deleted chat, in the state in which it would come back.
    Deleted(&'c Chat),
}

/// Merges the other half into a chat: messages, settings, pending actions and rejections.
async fn merge_into(
    cx: &mut InboundContext<'_, '_>,
    chat: &mut Chat,
    half: &MergeSide<'_>,
    writer: PeerId,
) -> Result<(), StoreError> {
    let (MergeSide::Stored(other) | MergeSide::Deleted(other)) = half;
    let (mine, theirs) = (open_actions(cx, chat).await?, open_actions(cx, other).await?);
    let furthest = match (chat.read_to.clone(), other.read_to.clone()) {
        (Some(one), theirs) => Some(one.max_with(theirs)),
        (None, theirs) => theirs,
    };
    let both = [chat.id, other.id];
    let place = match furthest {
        Some(place) => Some(cx.unit.expand_marker(&both, place).await?),
        None => None,
    };
    // Unread messages that are not stored stay counted, unless the other half's read position covers them.
    let (mut counted, mut beyond) = (0_u32, 0_u32);
    for one in [&*chat, *other] {
        let before = cx.unit.count_after(&[one.id], one.read_to.as_ref()).await?;
        let after = cx.unit.count_after(&[one.id], place.as_ref()).await?;
        let further = place != one.read_to && after == 0;
        let all =
            further && one.last_message.is_none_or(|last| place.as_ref().is_some_and(|place| last.at <= place.at));
        let unread = one.unread_after(before, after, all);
        counted = counted.saturating_add(unread);
        beyond = beyond.saturating_add(unread.saturating_sub(after));
    }
    if let MergeSide::Stored(other) = half {
        cx.unit.move_messages(other.id, chat.id, writer, MovedMessages::All).await?;
    }
    cx.unit.move_deleted_unread(other.id, chat.id).await?;
    let behind = cx.unit.count_after(&[chat.id], place.as_ref()).await?;
    let left = chat.merge(&mine, other, &theirs);
    chat.read_to = place;
    chat.unread_count = counted.min(behind.saturating_add(beyond));
    match half {
        MergeSide::Stored(other) => cx.unit.soft_delete_chat(other).await?,
        MergeSide::Deleted(other) => cx.unit.remove_tombstone(other.id).await?,
    }
    put_open_actions(cx, chat, &mine, &left).await
}

/// Replaces the chat's pending actions and rejections.
async fn put_open_actions(
    cx: &mut InboundContext<'_, '_>,
    chat: &Chat,
    before: &OpenActions,
    left: &OpenActions,
) -> Result<(), StoreError> {
    for action in &before.waiting {
        cx.unit.remove_pending_action(cx.session, chat.id, action.desired, action.version).await?;
    }
    for refusal in &before.refused {
        cx.unit.remove_rejection(chat.id, refusal.setting).await?;
    }
    for action in &left.waiting {
        cx.unit.put_pending_action(action).await?;
    }
    for refusal in &left.refused {
        cx.unit.put_rejection(chat.id, refusal).await?;
    }
    Ok(())
}

async fn open_actions(cx: &mut InboundContext<'_, '_>, chat: &Chat) -> Result<OpenActions, StoreError> {
    let waiting = cx.unit.pending_actions_of(chat).await?;
    let refused = cx.unit.rejections_of(chat.id).await?;
    Ok(OpenActions { waiting, refused })
}

/// Merges the deleted chats of one person without publishing a change. Returns the id.
async fn merge_deleted(cx: &mut InboundContext<'_, '_>, deleted: Vec<Tombstone>) -> Result<Option<ChatId>, StoreError> {
    let mut deleted = deleted.into_iter();
    let Some(mut one) = deleted.next() else { return Ok(None) };
    for other in deleted {
        cx.unit.remove_tombstone(other.chat.id).await?;
        cx.unit.move_deleted_unread(other.chat.id, one.chat.id).await?;
        let _nothing_waits = one.chat.merge(&OpenActions::default(), &other.chat, &OpenActions::default());
        let unread = one.chat.unread_count.saturating_add(other.chat.unread_count);
        let behind = cx.unit.count_after(&[one.chat.id], one.chat.read_to.as_ref()).await?;
        one.chat.unread_count = if behind == 0 { unread } else { unread.min(behind) };
        if let Some(place) = &one.chat.emptied {
            cx.unit.forget_deleted_to(one.chat.id, place).await?;
            let left = cx.unit.count_after(&[one.chat.id], one.chat.read_to.as_ref()).await?;
            one.chat.unread_count = one.chat.unread_count.min(left);
        }
    }
    cx.unit.save_tombstone(&one).await?;
    Ok(Some(one.chat.id))
}
