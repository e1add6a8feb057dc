//! A part of the history that the phone sends after pairing.

use std::borrow::Cow;

use crate::domain::action::Setting;
use crate::domain::change::Origin;
use crate::domain::chat::Chat;
use crate::domain::chat::ChatPatch;
use crate::domain::chat::ChatType;
use crate::domain::chat::LastMessage;
use crate::domain::chat::Names;
use crate::domain::horizon::Horizon;
use crate::domain::message::IncomingMessage;
use crate::domain::tombstone::Tombstone;
use crate::session::HistoryChat;
use crate::session::HistoryChunk;
use crate::session::SessionKey;
use crate::store::Unit;
use crate::store::error::StoreError;

use super::inbound_chat;
use super::inbound_chat::Found;
use super::inbound_person;

/// What an import brought that was not there before.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Brought {
    /// Chats that have messages since.
    pub(super) chats: u32,
    /// Messages.
    pub(super) messages: u32,
}

/// Imports the chats, messages and names of one part; tells what that brought.
pub(super) async fn chunk(
    unit: &mut Unit<'_>,
    key: &SessionKey,
    chunk: &HistoryChunk,
    now: i64,
) -> Result<Brought, StoreError> {
    let own = chunk.chats.iter().flat_map(|chat| &chat.messages).filter(|message| message.from_me);
    let chats = chunk.chats.iter().map(|chat| &chat.jid).chain(own.map(|message| &message.sender));
    let jids = chats.chain(chunk.push_names.iter().map(|(jid, _)| jid));
    unit.shelve(&key.organization, key.session, &chunk.people, jids).await?;
    let brought = one_by_one(unit, key, chunk, now).await?;
    unit.put_away().await?;
    Ok(brought)
}

/// The same, in whatever way the unit reads and stores.
pub(super) async fn one_by_one(
    unit: &mut Unit<'_>,
    key: &SessionKey,
    chunk: &HistoryChunk,
    now: i64,
) -> Result<Brought, StoreError> {
    let mut brought = Brought::default();
    inbound_person::same_person(unit, key, &chunk.people, now, Origin::Import).await?;
    for chat in &chunk.chats {
        import(unit, key, chat, now, &mut brought).await?;
    }
    for (jid, name) in &chunk.push_names {
        // A name makes no chat; the next message brings it again.
        let Some(mut chat) = unit.chat_for_update(&key.organization, key.session, jid).await? else { continue };
        let names = Names { push: Some(name.clone()), ..Names::default() };
        let patch = ChatPatch { names, ..ChatPatch::default() };
        inbound_chat::save(unit, key, &mut chat, false, &patch, now, Origin::Import).await?;
    }
    Ok(brought)
}

/// Settings in a history bear no time, that of pinning aside: they fill what no event has set. Its counter is the phone's at the time of the
/// export, so it counts only while the chat is new to us.
async fn import(
    unit: &mut Unit<'_>,
    key: &SessionKey,
    news: &HistoryChat,
    now: i64,
    brought: &mut Brought,
) -> Result<(), StoreError> {
    let mut patch = ChatPatch {
        as_of: 0,
        archived: news.archived,
        pinned: news.pinned.map(|at| at.is_some()),
        pinned_as_of: news.pinned.flatten(),
        muted_until: news.muted_until.map(|until| until.filter(|until| *until > now)),
        marked_unread: news.marked_unread,
        names: inbound_chat::names(&news.jid, news.name.clone()),
        address: Some((news.jid.clone(), news.last_message_at.unwrap_or(0))),
        ..ChatPatch::default()
    };
    let found = inbound_chat::find(unit, key, &news.jid, now).await?;
    let messages = unknown_to(&found, &news.messages);
    let (mut chat, is_new) = match found {
        Found::Chat(chat) => (chat, false),
        Found::New(chat) => {
            unit.insert_chat(&key.organization, &chat).await?;
            (chat, true)
        }
        Found::Deleted(tombstone) if messages.is_empty() => {
            return inbound_chat::note(unit, key, tombstone, &patch, now, Origin::Import).await;
        }
        Found::Deleted(tombstone) => (inbound_chat::revive(unit, key, tombstone, now).await?, true),
        Found::Nowhere => return Ok(()),
    };
    let was_empty = chat.last_message.is_none();
    let messages = as_kept(unit, key, &chat, messages).await?;
    let added = unit.insert_messages(&key.organization, key.session, chat.id, &messages, 0).await?;
    let stored = unit.last_message(&key.organization, chat.id).await?;
    let told = news.last_message_at.map(|at| LastMessage { id: None, at });
    patch.last_message = stored.filter(|stored| told.is_none_or(|told| stored.at >= told.at)).or(told);
    count(unit, key, &chat, news, is_new || was_empty, &mut patch).await?;
    let change = chat.apply(&patch, now, Origin::Import);
    brought.chats += u32::from(was_empty && chat.last_message.is_some());
    brought.messages = brought.messages.saturating_add(u32::try_from(added).unwrap_or(u32::MAX));
    unit.save_chat(&key.organization, &chat).await?;
    if is_new {
        unit.record(&key.organization, chat.created(now, Origin::Import));
    } else if let Some(change) = change {
        unit.record(&key.organization, change);
    }
    Ok(())
}

/// Counts what is unread. A history says how many were at its time: the last so many of what others wrote up to then, so
/// that all before those is read. Where not so many are stored, the number alone counts, while the chat is new to us.
async fn count(
    unit: &mut Unit<'_>,
    key: &SessionKey,
    chat: &Chat,
    news: &HistoryChat,
    is_new: bool,
    patch: &mut ChatPatch,
) -> Result<(), StoreError> {
    let Some(told) = news.unread_count else { return Ok(()) };
    let (organization, chats) = (&key.organization, [chat.id]);
    let newest = news.messages.iter().map(Horizon::at_message).reduce(|one, other| one.or_further(Some(other)));
    let read = match newest {
        Some(newest) => unit.last_but(organization, chat.id, told, &newest).await?,
        None => None,
    };
    if let Some(read) = &read {
        let place = read.clone().or_further(chat.read_to.clone());
        patch.read_to = Some(unit.complete(organization, &chats, place).await?);
    }
    let place = patch.read_to.as_ref().or(chat.read_to.as_ref());
    let behind = unit.count_behind(organization, &chats, place).await?;
    let asked = chat.pending.contains(Setting::Read.field());
    patch.unread_count = match (&read, is_new) {
        // What a caller has read meanwhile is not unread again.
        (_, false) if asked => None,
        (Some(_), _) => Some(behind),
        (None, true) if chat.read_to.is_some() => Some(told.min(behind)),
        (None, true) => Some(told),
        (None, false) => Some(chat.unread_count.max(behind)),
    };
    Ok(())
}

async fn as_kept<'m>(
    unit: &mut Unit<'_>,
    key: &SessionKey,
    chat: &Chat,
    messages: Cow<'m, [IncomingMessage]>,
) -> Result<Cow<'m, [IncomingMessage]>, StoreError> {
    if chat.chat_type() != ChatType::Dm {
        return Ok(messages);
    }
    let mut kept = Vec::with_capacity(messages.len());
    for message in messages.iter() {
        kept.push(inbound_chat::as_kept(unit, key, chat, message).await?.into_owned());
    }
    Ok(Cow::Owned(kept))
}

/// The messages that were not known when the chat was deleted; all of them when it never was.
fn unknown_to<'a>(found: &Found, messages: &'a [IncomingMessage]) -> Cow<'a, [IncomingMessage]> {
    match found {
        Found::Chat(chat) | Found::Deleted(Tombstone { chat, .. }) if chat.horizon.is_some() => {
            messages.iter().filter(|message| !chat.knows(message)).cloned().collect()
        }
        Found::Chat(_) | Found::Deleted(_) | Found::New(_) | Found::Nowhere => Cow::Borrowed(messages),
    }
}
