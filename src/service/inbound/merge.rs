//! Merging two peers into one, and moving messages between peers, with the effects on their chats.

use crate::domain::change::Change;
use crate::domain::change::Origin;
use crate::domain::chat::Chat;
use crate::domain::chat::LastMessage;
use crate::domain::chat::Versioned;
use crate::domain::id::ChatId;
use crate::domain::id::PeerId;
use crate::domain::jid::Jid;
use crate::domain::merge::OpenActions;
use crate::domain::message_marker::MessageMarker;
use crate::domain::peer::MovedPeriod;
use crate::domain::peer::Peer;
use crate::domain::peer::canonical;
use crate::domain::tombstone::Tombstone;
use crate::session::SessionKey;
use crate::store::MovedMessages;
use crate::store::UnitOfWork;
use crate::store::error::StoreError;

use super::chat;
use super::chat::ChatLookup;
use crate::service::chat::delete;

/// Updates the canonical address of a peer and of its chat.
pub(super) async fn settle_addresses(
    unit: &mut UnitOfWork<'_>,
    key: &SessionKey,
    peer: PeerId,
    now: i64,
    origin: Origin,
) -> Result<(), StoreError> {
    let Some(peer) = show(unit, key, peer).await? else { return Ok(()) };
    let Some(mut chat) = unit.chat_with_for_update(&key.organization, &peer).await? else { return Ok(()) };
    let before = chat.clone();
    rekey(unit, key, &mut chat, &peer).await?;
    let joined = chat.merged_change(&before, now, origin);
    unit.save_chat(&key.organization, &chat).await?;
    unit.record(&key.organization, joined);
    Ok(())
}

/// Updates the canonical address of a peer.
async fn show(unit: &mut UnitOfWork<'_>, key: &SessionKey, peer: PeerId) -> Result<Option<Peer>, StoreError> {
    let whose = &key.organization;
    let Some(mut peer) = unit.peer(whose, peer).await? else { return Ok(None) };
    if let Some(jid) = canonical(&unit.periods_of(whose, peer.id).await?).filter(|jid| **jid != peer.jid) {
        peer.jid = jid.clone();
        unit.save_peer(whose, &peer).await?;
    }
    Ok(Some(peer))
}

/// Stores the chat under its peer's address. Settings are sent under the address that WhatsApp used last, as long as
/// the peer has it: WhatsApp may still know the chat by another address.
async fn rekey(unit: &mut UnitOfWork<'_>, key: &SessionKey, chat: &mut Chat, peer: &Peer) -> Result<(), StoreError> {
    let before = std::mem::replace(&mut chat.jid, peer.jid.clone());
    let periods = unit.periods_of(&key.organization, peer.id).await?;
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
pub(super) async fn merge(
    unit: &mut UnitOfWork<'_>,
    key: &SessionKey,
    (one, other): (PeerId, PeerId),
    now: i64,
    origin: Origin,
) -> Result<(), StoreError> {
    let whose = &key.organization;
    let (Some(one), Some(other)) = (unit.peer(whose, one).await?, unit.peer(whose, other).await?) else {
        return Ok(());
    };
    let ids: Vec<_> = [one.chat, other.chat].into_iter().flatten().collect();
    let mut stored = unit.chats_by_ids_for_update(whose, &ids).await?;
    stored.sort_by_key(|chat| Some(chat.id) != one.chat);
    let mut deleted = Vec::new();
    for peer in [&one, &other] {
        deleted.extend(unit.tombstone_for_update(whose, peer).await?);
    }
    // Keep the peer that has the chat, so that the chat keeps its sender. The account's peer is permanent.
    let is_account = |peer: &Peer| peer.id == PeerId::account(key.session);
    let first = stored.first().map(|chat| chat.id);
    let (mut into, from) = if is_account(&other) || !is_account(&one) && first.is_some() && first == other.chat {
        (other, one)
    } else {
        (one, other)
    };
    let merged = unit.rename_sender(whose, from.id, into.id).await?;
    let mut stored = stored.into_iter();
    let Some(mut chat) = stored.next() else {
        let kept = merge_deleted(unit, key, deleted).await?;
        unit.join_peers(whose, from.id, into.id).await?;
        into.chat = kept;
        unit.save_peer(whose, &into).await?;
        show(unit, key, into.id).await?;
        return recount(unit, key, &merged, now, origin).await;
    };
    let before = chat.clone();
    let joined = stored.next();
    if let Some(other) = &joined {
        hide(unit, key, &mut chat, (other.created_at, other.horizon.as_ref())).await?;
        let mut other = other.clone();
        hide(unit, key, &mut other, (chat.created_at, chat.horizon.as_ref())).await?;
        merge_into(unit, key, &mut chat, &MergeSide::Stored(&other), into.id).await?;
    }
    if Some(chat.id) != into.chat {
        unit.set_writer(whose, chat.id, into.id).await?;
    }
    unit.join_peers(whose, from.id, into.id).await?;
    into.chat = Some(chat.id);
    unit.save_peer(whose, &into).await?;
    let Some(peer) = show(unit, key, into.id).await? else { return Ok(()) };
    rekey(unit, key, &mut chat, &peer).await?;
    for tombstone in &deleted {
        hide(unit, key, &mut chat, (tombstone.deleted_at, tombstone.chat.horizon.as_ref())).await?;
        merge_into(unit, key, &mut chat, &MergeSide::Deleted(&tombstone.chat), into.id).await?;
    }
    let last = unit.last_message(whose, chat.id).await?;
    chat.last_message =
        last.filter(|stored| chat.last_message.is_none_or(|known| known.at <= stored.at)).or(chat.last_message);
    empty(unit, key, &mut chat).await?;
    // The deletion of one half may cover all messages of the other.
    let is_gone = !deleted.is_empty() && chat.last_message.is_none() && before.last_message.is_some();
    let replaces = joined.as_ref().map(|other| other.id);
    let change = (!is_gone).then(|| Change { replaces, ..chat.merged_change(&before, now, origin) });
    unit.save_chat(whose, &chat).await?;
    if let Some(other) = joined {
        unit.note_merged(whose, &other, chat.id).await?;
        unit.record(whose, Change { merged_into: Some(chat.id), ..other.deleted(now, origin) });
    }
    match change {
        Some(change) => unit.record(whose, change),
        None => delete::delete(unit, whose, &chat, now, origin).await?,
    }
    recount(unit, key, &merged, now, origin).await
}

/// Removes the messages that the phone cleared in the other half of a chat, before the two were known to be one.
async fn empty(unit: &mut UnitOfWork<'_>, key: &SessionKey, chat: &mut Chat) -> Result<(), StoreError> {
    let whose = &key.organization;
    let Some(place) = chat.emptied.clone() else { return Ok(()) };
    let place = unit.expand_marker(whose, &[chat.id], place).await?;
    unit.remove_messages_up_to(whose, chat.id, &place).await?;
    unit.forget_deleted_to(whose, chat.id, &place).await?;
    let behind = unit.count_after(whose, &[chat.id], chat.read_to.as_ref()).await?;
    chat.unread_count = chat.unread_count.min(behind);
    let told = chat.last_message.filter(|last| last.id.is_none() && last.at > place.at);
    chat.last_message = unit.last_message(whose, chat.id).await?.or(told);
    Ok(())
}

/// Removes what was known when the other half of a chat was deleted, if the chat began later. It would not have come
/// back if both had been known to be one.
async fn hide(
    unit: &mut UnitOfWork<'_>,
    key: &SessionKey,
    chat: &mut Chat,
    (deleted_at, horizon): (i64, Option<&MessageMarker>),
) -> Result<(), StoreError> {
    let whose = &key.organization;
    let Some(place) = horizon.filter(|_| chat.created_at >= deleted_at) else { return Ok(()) };
    let before = unit.count_after(whose, &[chat.id], chat.read_to.as_ref()).await?;
    unit.remove_messages_up_to(whose, chat.id, place).await?;
    let after = unit.count_after(whose, &[chat.id], chat.read_to.as_ref()).await?;
    chat.unread_count = chat.unread_count.saturating_sub(before.saturating_sub(after));
    let told = chat.last_message.filter(|last| last.id.is_none());
    chat.last_message = unit.last_message(whose, chat.id).await?.or(told);
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
    unit: &mut UnitOfWork<'_>,
    key: &SessionKey,
    chat: &mut Chat,
    half: &MergeSide<'_>,
    writer: PeerId,
) -> Result<(), StoreError> {
    let organization = &key.organization;
    let (MergeSide::Stored(other) | MergeSide::Deleted(other)) = half;
    let (mine, theirs) = (open_actions(unit, key, chat).await?, open_actions(unit, key, other).await?);
    let furthest = match (chat.read_to.clone(), other.read_to.clone()) {
        (Some(one), theirs) => Some(one.max_with(theirs)),
        (None, theirs) => theirs,
    };
    let both = [chat.id, other.id];
    let place = match furthest {
        Some(place) => Some(unit.expand_marker(organization, &both, place).await?),
        None => None,
    };
    // Unread messages that are not stored stay counted, unless the other half's read position covers them.
    let (mut counted, mut beyond) = (0_u32, 0_u32);
    for one in [&*chat, *other] {
        let before = unit.count_after(organization, &[one.id], one.read_to.as_ref()).await?;
        let after = unit.count_after(organization, &[one.id], place.as_ref()).await?;
        let further = place != one.read_to && after == 0;
        let all =
            further && one.last_message.is_none_or(|last| place.as_ref().is_some_and(|place| last.at <= place.at));
        let unread = one.unread_after(before, after, all);
        counted = counted.saturating_add(unread);
        beyond = beyond.saturating_add(unread.saturating_sub(after));
    }
    if let MergeSide::Stored(other) = half {
        unit.move_messages(organization, (other.id, chat.id), writer, MovedMessages::All).await?;
    }
    unit.move_deleted_unread(organization, other.id, chat.id).await?;
    let behind = unit.count_after(organization, &[chat.id], place.as_ref()).await?;
    let left = chat.merge(&mine, other, &theirs);
    chat.read_to = place;
    chat.unread_count = counted.min(behind.saturating_add(beyond));
    match half {
        MergeSide::Stored(other) => unit.soft_delete_chat(organization, other).await?,
        MergeSide::Deleted(other) => unit.remove_tombstone(organization, other.id).await?,
    }
    put_open_actions(unit, key, chat, &mine, &left).await
}

/// Replaces the chat's pending actions and rejections.
async fn put_open_actions(
    unit: &mut UnitOfWork<'_>,
    key: &SessionKey,
    chat: &Chat,
    before: &OpenActions,
    left: &OpenActions,
) -> Result<(), StoreError> {
    let organization = &key.organization;
    for action in &before.waiting {
        unit.remove_pending_action(organization, key.session, chat.id, action.desired, action.version).await?;
    }
    for refusal in &before.refused {
        unit.remove_rejection(organization, chat.id, refusal.setting).await?;
    }
    for action in &left.waiting {
        unit.put_pending_action(action).await?;
    }
    for refusal in &left.refused {
        unit.put_rejection(organization, chat.id, refusal).await?;
    }
    Ok(())
}

async fn open_actions(unit: &mut UnitOfWork<'_>, key: &SessionKey, chat: &Chat) -> Result<OpenActions, StoreError> {
    let waiting = unit.pending_actions_of(&key.organization, chat).await?;
    let refused = unit.rejections_of(&key.organization, chat.id).await?;
    Ok(OpenActions { waiting, refused })
}

/// Merges the deleted chats of one person without publishing a change. Returns the id.
async fn merge_deleted(
    unit: &mut UnitOfWork<'_>,
    key: &SessionKey,
    deleted: Vec<Tombstone>,
) -> Result<Option<ChatId>, StoreError> {
    let mut deleted = deleted.into_iter();
    let Some(mut one) = deleted.next() else { return Ok(None) };
    for other in deleted {
        unit.remove_tombstone(&key.organization, other.chat.id).await?;
        unit.move_deleted_unread(&key.organization, other.chat.id, one.chat.id).await?;
        let _nothing_waits = one.chat.merge(&OpenActions::default(), &other.chat, &OpenActions::default());
        let unread = one.chat.unread_count.saturating_add(other.chat.unread_count);
        let behind = unit.count_after(&key.organization, &[one.chat.id], one.chat.read_to.as_ref()).await?;
        one.chat.unread_count = if behind == 0 { unread } else { unread.min(behind) };
        if let Some(place) = &one.chat.emptied {
            unit.forget_deleted_to(&key.organization, one.chat.id, place).await?;
            let left = unit.count_after(&key.organization, &[one.chat.id], one.chat.read_to.as_ref()).await?;
            one.chat.unread_count = one.chat.unread_count.min(left);
        }
    }
    unit.save_tombstone(&key.organization, &one).await?;
    Ok(Some(one.chat.id))
}

/// Moves messages to the peer that owned the number when they were sent.
pub(super) async fn move_messages(
    unit: &mut UnitOfWork<'_>,
    key: &SessionKey,
    moved: &MovedPeriod,
    to: PeerId,
    now: i64,
    origin: Origin,
) -> Result<(), StoreError> {
    let whose = &key.organization;
    let (Some(from), Some(mut to)) = (unit.peer(whose, moved.peer).await?, unit.peer(whose, to).await?) else {
        return Ok(());
    };
    if !unit.wrote_in(whose, from.chat, moved).await? {
        return Ok(());
    }
    let merged = unit.rename_moved_sender(whose, moved, to.id).await?;
    recount(unit, key, &merged, now, origin).await?;
    let Some(mut left) = unit.chat_with_for_update(whose, &from).await? else { return Ok(()) };
    if !unit.has_moved(whose, left.id, moved).await? {
        return Ok(());
    }
    let (mut chat, is_new) = match chat::lookup_chat_with(unit, key, &to, now).await? {
        ChatLookup::Chat(chat) => (chat, false),
        ChatLookup::New(chat) => {
            unit.insert_chat_with(whose, &chat, &mut to).await?;
            (chat, true)
        }
        ChatLookup::Tombstone(tombstone) => (chat::revive(unit, key, tombstone, &mut to, now).await?, true),
        ChatLookup::SessionGone => return Ok(()),
    };
    let (before, before_left) = (chat.clone(), left.clone());
    unit.move_messages(whose, (left.id, chat.id), to.id, MovedMessages::Moved(moved)).await?;
    chat.arrivals = chat.arrivals.max(left.arrivals);
    if is_new {
        chat.read_to.clone_from(&left.read_to);
    }
    left.last_message = unit.last_message(whose, left.id).await?;
    let behind = unit.count_after(whose, &[left.id], left.read_to.as_ref()).await?;
    left.unread_count = left.unread_count.min(behind);
    chat.last_message = later(unit.last_message(whose, chat.id).await?, chat.last_message);
    let behind = unit.count_after(whose, &[chat.id], chat.read_to.as_ref()).await?;
    let moved = before_left.unread_count.saturating_sub(left.unread_count);
    chat.unread_count = chat.unread_count.saturating_add(moved).min(behind.max(chat.unread_count));
    empty(unit, key, &mut chat).await?;
    let of_left = left.merged_change(&before_left, now, origin);
    let of_chat = if is_new { chat.created(now, origin) } else { chat.merged_change(&before, now, origin) };
    unit.save_chat(whose, &left).await?;
    unit.save_chat(whose, &chat).await?;
    unit.record(whose, of_left);
    unit.record(whose, of_chat);
    Ok(())
}

fn later(one: Option<LastMessage>, other: Option<LastMessage>) -> Option<LastMessage> {
    [one, other].into_iter().flatten().max_by_key(|last| (last.at, last.id.is_some()))
}

/// Recounts group chats in which copies of a message became one.
async fn recount(
    unit: &mut UnitOfWork<'_>,
    key: &SessionKey,
    chats: &[ChatId],
    now: i64,
    origin: Origin,
) -> Result<(), StoreError> {
    let whose = &key.organization;
    for id in chats {
        let Some(mut chat) = unit.chat_by_id_for_update(whose, *id).await? else { continue };
        let before = chat.clone();
        let behind = unit.count_after(whose, &[chat.id], chat.read_to.as_ref()).await?;
        chat.unread_count = chat.unread_count.min(behind);
        let last = unit.last_message(whose, chat.id).await?;
        chat.last_message =
            last.filter(|last| before.last_message.is_none_or(|known| known.at <= last.at)).or(chat.last_message);
        if chat != before {
            let joined = chat.merged_change(&before, now, origin);
            unit.save_chat(whose, &chat).await?;
            unit.record(whose, joined);
        }
    }
    Ok(())
}
