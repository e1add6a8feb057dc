//! A part of the history that the phone sends after pairing.

use std::borrow::Cow;

use crate::domain::change::Origin;
use crate::domain::chat::ChatPatch;
use crate::domain::chat::LastMessage;
use crate::domain::chat::Names;
use crate::domain::message::IncomingMessage;
use crate::domain::tombstone::Tombstone;
use crate::session::HistoryChat;
use crate::session::HistoryChunk;
use crate::session::SessionKey;
use crate::store::Unit;
use crate::store::error::StoreError;

use super::inbound_chat;
use super::inbound_chat::Found;

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
    let mut brought = Brought::default();
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

/// Settings in a history bear no time: they fill what no event has set. Its counter is the phone's at the time of the
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
        pinned: news.pinned,
        muted_until: news.muted_until.map(|until| until.filter(|until| *until > now)),
        marked_unread: news.marked_unread,
        names: inbound_chat::names(&news.jid, news.name.clone()),
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
    if is_new || was_empty {
        patch.unread_count = news.unread_count;
    }
    let added = unit.insert_messages(&key.organization, key.session, chat.id, &messages, 0).await?;
    let stored = unit.last_message(&key.organization, chat.id).await?;
    let told = news.last_message_at.map(|at| LastMessage { id: None, at });
    patch.last_message = stored.filter(|stored| told.is_none_or(|told| stored.at >= told.at)).or(told);
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

/// The messages that were not known when the chat was deleted; all of them when it never was.
fn unknown_to<'a>(found: &Found, messages: &'a [IncomingMessage]) -> Cow<'a, [IncomingMessage]> {
    match found {
        Found::Chat(chat) | Found::Deleted(Tombstone { chat, .. }) if chat.horizon.is_some() => {
            messages.iter().filter(|message| !chat.knows(message)).cloned().collect()
        }
        Found::Chat(_) | Found::Deleted(_) | Found::New(_) | Found::Nowhere => Cow::Borrowed(messages),
    }
}
