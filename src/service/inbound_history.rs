//! A part of the history that the phone sends after pairing.

use crate::domain::change::Origin;
use crate::domain::chat::ChatPatch;
use crate::domain::chat::LastMessage;
use crate::domain::chat::Names;
use crate::session::HistoryChat;
use crate::session::HistoryChunk;
use crate::session::SessionKey;
use crate::store::Unit;
use crate::store::error::StoreError;

use super::inbound_chat;

/// Imports the chats, messages and names of one part.
pub(super) async fn chunk(
    unit: &mut Unit<'_>,
    key: &SessionKey,
    chunk: &HistoryChunk,
    now: i64,
) -> Result<(), StoreError> {
    for chat in &chunk.chats {
        import(unit, key, chat, now).await?;
    }
    for (jid, name) in &chunk.push_names {
        // A name makes no chat; the next message brings it again.
        let Some(mut chat) = unit.chat_for_update(&key.organization, key.session, jid).await? else { continue };
        let names = Names { push: Some(name.clone()), ..Names::default() };
        let patch = ChatPatch { names, ..ChatPatch::default() };
        inbound_chat::save(unit, key, &mut chat, false, &patch, now, Origin::Import).await?;
    }
    Ok(())
}

/// Settings in a history bear no time: they fill what no event has set. Its counter is the phone's at the time of the
/// export, so it counts only while the chat is new to us.
async fn import(unit: &mut Unit<'_>, key: &SessionKey, news: &HistoryChat, now: i64) -> Result<(), StoreError> {
    let (mut chat, is_new) = inbound_chat::find_or_new(unit, key, &news.jid, now).await?;
    let unknown = is_new || chat.last_message.is_none();
    if is_new {
        unit.insert_chat(&key.organization, &chat).await?;
    }
    unit.insert_messages(&key.organization, key.session, chat.id, &news.messages, now).await?;
    let stored = unit.last_message(&key.organization, chat.id).await?;
    let told = news.last_message_at.map(|at| LastMessage { id: None, at });
    let patch = ChatPatch {
        as_of: 0,
        archived: news.archived,
        pinned: news.pinned,
        muted_until: news.muted_until,
        marked_unread: news.marked_unread,
        unread_count: news.unread_count.filter(|_| unknown),
        names: inbound_chat::names(&news.jid, news.name.clone()),
        last_message: stored.filter(|stored| told.is_none_or(|told| stored.at >= told.at)).or(told),
        ..ChatPatch::default()
    };
    let change = chat.apply(&patch, now, Origin::Import);
    unit.save_chat(&key.organization, &chat).await?;
    if is_new {
        unit.record(&key.organization, chat.created(now, Origin::Import));
    } else if let Some(change) = change {
        unit.record(&key.organization, change);
    }
    Ok(())
}
