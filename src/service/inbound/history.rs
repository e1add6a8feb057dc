//! Import of a part of the history that the phone sends after pairing.

use std::borrow::Cow;

use super::{
    contact,
    context::{ChatLookup, InboundContext, StoredChat},
    edit, history_unread, person,
};
use crate::{
    domain::{
        chat::{Chat, ChatNames, ChatPatch, LastMessage},
        message::{IncomingMessage, MessageKind, MessageUpdate},
        peer::{Peer, last_owner},
        setting::{Setting, SettingChanges, SettingValue},
        tombstone::Tombstone,
    },
    session::{HistoryChat, HistoryChunk, UpdatedMessage},
    store::error::StoreError,
};

/// New data of an import.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ImportCounts {
    /// Chats that got their first message.
    pub(super) chats: u32,
    /// Messages.
    pub(super) messages: u32,
}

/// Imports the chats, messages and names of one part; returns the number of new ones.
pub(super) async fn chunk(
    cx: &mut InboundContext<'_, '_>,
    chunk: &HistoryChunk,
    paired_at: Option<i64>,
) -> Result<ImportCounts, StoreError> {
    let messages = || chunk.chats.iter().flat_map(|chat| &chat.messages);
    if let Some(own) = messages().find(|message| message.from_me)
        && cx.unit.session_for_update(cx.session).await?.is_some()
    {
        cx.unit.make_account(cx.session, &own.sender).await?;
    }
    let chats = chunk.chats.iter().map(|chat| &chat.jid).chain(messages().map(|message| &message.sender));
    let jids = chats.chain(chunk.push_names.iter().map(|(jid, _)| jid));
    cx.unit.preload(cx.session, &chunk.people, jids).await?;
    let counts = one_by_one(cx, chunk, paired_at).await?;
    cx.unit.flush().await?;
    for rewriting in &chunk.rewritings {
        edit::message_updated(cx, rewriting).await?;
    }
    let addresses: Vec<_> = chunk.people.iter().flat_map(|person| [&person.phone, &person.lid]).collect();
    edit::apply_early_of_addresses(cx, &addresses).await?;
    if cx.unit.has_early_edits(cx.session).await? {
        let wa_ids: Vec<_> = messages().map(|message| message.wa_id.clone()).collect();
        edit::apply_early_of_message(cx, &wa_ids).await?;
    }
    Ok(counts)
}

/// Imports one part through the unit's present caching mode.
pub(super) async fn one_by_one(
    cx: &mut InboundContext<'_, '_>,
    chunk: &HistoryChunk,
    paired_at: Option<i64>,
) -> Result<ImportCounts, StoreError> {
    let mut counts = ImportCounts::default();
    // The phone exported it after the pairing, so its address mappings are valid from then on.
    person::same_person(cx, &chunk.people, paired_at.unwrap_or(0)).await?;
    for chat in &chunk.chats {
        let revoked = history_unread::revoked(chunk, chat);
        import(cx, chat, &revoked, paired_at, &mut counts).await?;
    }
    for (jid, name) in &chunk.push_names {
        // A name does not create a chat; the next message carries the name again.
        let Some(chat) = cx.unit.chat_for_update(cx.session, jid).await? else { continue };
        let names = ChatNames { push: Some(name.clone()), ..ChatNames::default() };
        let patch = ChatPatch { names, ..ChatPatch::default() };
        cx.apply(StoredChat::existing(chat), &patch).await?;
    }
    Ok(counts)
}

/// Imports one chat. Settings in a history have no time, except that of pinning, so they apply only if no event has set
/// anything. The unread mark is at least as new as the account's last message.
///
/// The archived state is dated to the pairing. A phone that does not keep chats archived unarchives them without
/// notifying its companions, which find an old archive in the app state. The unread count is the phone's at the time of
/// the export, so it applies only while the chat is new.
async fn import(
    cx: &mut InboundContext<'_, '_>,
    imported: &HistoryChat,
    revoked: &[&str],
    paired_at: Option<i64>,
    counts: &mut ImportCounts,
) -> Result<(), StoreError> {
    let mut patch = ChatPatch {
        as_of: 0,
        settings: settings(imported, paired_at, cx.now()),
        names: contact::names_from_history(&imported.jid, imported.name.clone()),
        address: Some((imported.jid.clone(), imported.last_message_at.unwrap_or(0))),
        ..ChatPatch::default()
    };
    let Some((mut peer, found)) = find(cx, imported).await? else { return Ok(()) };
    let messages = unknown_to(&found, &imported.messages);
    let found = match found {
        ChatLookup::Tombstone(tombstone) if messages.is_empty() => {
            return cx.update_tombstone(tombstone, &patch).await;
        }
        found => found,
    };
    let Some(StoredChat { chat, is_new }) = cx.open_chat(found, &mut peer).await? else { return Ok(()) };
    if chat.pending.contains(Setting::Archived.field()) {
        patch.settings.remove(Setting::Archived);
    }
    let was_empty = chat.last_message.is_none();
    let newer = newer(cx, &chat, &messages).await?;
    let before = cx.unit.count_after(&[chat.id], chat.read_to.as_ref()).await?;
    let added = cx.unit.insert_messages_with(cx.session, chat.id, Some(&peer), &messages, 0).await?;
    let stored = cx.unit.last_message(chat.id).await?;
    let reported_last = imported.last_message_at.map(|at| LastMessage { id: None, at });
    patch.last_message = stored
        .filter(|stored| reported_last.is_none_or(|reported_last| stored.at >= reported_last.at))
        .or(reported_last);
    let deleted = history_unread::deleted_here(cx, &chat, revoked).await?;
    let is_counted = |id: &&str| messages.iter().any(|it| it.wa_id == **id) || deleted.iter().any(|it| it == *id);
    let counted: Vec<_> = revoked.iter().copied().filter(is_counted).collect();
    let known = Some(before).filter(|_| !is_new && !was_empty);
    history_unread::count(
        cx,
        &chat,
        imported,
        history_unread::Revoked { reported: revoked, counted: &counted },
        known,
        &mut patch,
    )
    .await?;
    let chat = cx.apply_opened(StoredChat { chat, is_new }, &patch).await?;
    counts.chats += u32::from(was_empty && chat.last_message.is_some());
    counts.messages = counts.messages.saturating_add(u32::try_from(added).unwrap_or(u32::MAX));
    for rewriting in newer {
        edit::message_updated(cx, &rewriting).await?;
    }
    Ok(())
}

/// Returns the settings of a chat in a history, with their times.
fn settings(imported: &HistoryChat, paired_at: Option<i64>, now: i64) -> SettingChanges {
    let mut settings = SettingChanges::default();
    if let Some(archived) = imported.archived {
        settings.set_as_of(SettingValue::Archived(archived), paired_at.unwrap_or(0));
    }
    if let Some(pinned_at) = imported.pinned {
        settings.set_as_of(SettingValue::Pinned(pinned_at.is_some()), pinned_at.unwrap_or(0));
    }
    if let Some(until) = imported.muted_until {
        settings.set(SettingValue::MutedUntil(until.filter(|until| *until > now)));
    }
    // Writing in a chat removes its unread mark, so a mark that is older than the account's last message is outdated.
    let own = imported.messages.iter().filter(|message| message.from_me && message.kind != MessageKind::Reaction);
    let wrote_at = own.map(|message| message.at).max();
    if imported.marked_unread.is_some() || wrote_at.is_some() {
        let marked = imported.marked_unread.unwrap_or(false);
        settings.set_as_of(SettingValue::Read(!marked), wrote_at.unwrap_or(0));
    }
    settings
}

/// Returns the edits that a history shows only as a different text. A message that is known to be edited or revoked
/// stays as it is: the history could be older or newer.
async fn newer(
    cx: &mut InboundContext<'_, '_>,
    chat: &Chat,
    messages: &[IncomingMessage],
) -> Result<Vec<UpdatedMessage>, StoreError> {
    if chat.last_message.is_none() || messages.is_empty() {
        return Ok(Vec::new());
    }
    let wa_ids: Vec<_> = messages.iter().map(|message| message.wa_id.clone()).collect();
    let known = cx.unit.known_messages(chat.id, &wa_ids).await?;
    let edited = |message: &&IncomingMessage| {
        let same = known.iter().find(|it| it.wa_id == message.wa_id && it.from_me == message.from_me);
        message.text.is_some() && same.is_some_and(|same| !same.settled && !same.has_text_of(message))
    };
    let edits = messages.iter().filter(edited).map(|message| UpdatedMessage {
        chat: message.chat.clone(),
        wa_id: message.wa_id.clone(),
        sender: message.sender.clone(),
        from_me: message.from_me,
        rewrite: MessageUpdate::Edit { text: message.text.clone(), as_of: 0 },
    });
    Ok(edits.collect())
}

/// Finds the chat of a conversation, and its peer. The phone keeps a conversation under the person's present address,
/// including messages from before they had it. If the address moved between people, the stored messages decide, or else
/// the time of the last message.
async fn find(
    cx: &mut InboundContext<'_, '_>,
    imported: &HistoryChat,
) -> Result<Option<(Peer, ChatLookup)>, StoreError> {
    let periods = cx.unit.periods(cx.session, &imported.jid).await?;
    let mut owners: Vec<_> = periods.iter().map(|period| period.peer).collect();
    owners.dedup();
    let last = imported.messages.iter().map(|message| message.at).chain(imported.last_message_at).max();
    let Some(owner) = last_owner(&periods) else {
        return cx.lookup_chat_at(&imported.jid, last.unwrap_or_else(|| cx.now())).await;
    };
    let mut chosen = Some(owner.peer).filter(|_| owners.len() == 1);
    if chosen.is_none() || owner.former {
        let wa_ids: Vec<_> = imported.messages.iter().map(|message| message.wa_id.clone()).collect();
        chosen = None;
        for id in owners {
            let Some(chat) = cx.unit.peer(id).await?.and_then(|peer| peer.chat) else { continue };
            if !cx.unit.known_messages(chat, &wa_ids).await?.is_empty() {
                chosen = Some(id);
            }
        }
    }
    match chosen {
        Some(id) => {
            if cx.unit.session_for_update(cx.session).await?.is_none() {
                return Ok(None);
            }
            let Some(peer) = cx.unit.peer(id).await? else { return Ok(None) };
            let found = cx.lookup_chat_with(&peer).await?;
            Ok(Some((peer, found)))
        }
        None => cx.lookup_chat_at(&imported.jid, last.unwrap_or_else(|| cx.now())).await,
    }
}

/// Returns the messages that were unknown when the chat was deleted; all of them if it never was.
fn unknown_to<'a>(found: &ChatLookup, messages: &'a [IncomingMessage]) -> Cow<'a, [IncomingMessage]> {
    match found {
        ChatLookup::Chat(chat) | ChatLookup::Tombstone(Tombstone { chat, .. }) if chat.known_up_to.is_some() => {
            messages.iter().filter(|message| !chat.is_known_deleted(message)).cloned().collect()
        }
        ChatLookup::Chat(_) | ChatLookup::Tombstone(_) | ChatLookup::New(_) | ChatLookup::SessionGone => {
            Cow::Borrowed(messages)
        }
    }
}
