//! Messages that move to the peer that owned the number when they were sent.

use super::{
    context::{InboundContext, StoredChat},
    recount,
};
use crate::{
    domain::{chat::LastMessage, id::PeerId, peer::MovedPeriod},
    store::{MovedMessages, error::StoreError},
};

/// Moves messages to the peer that owned the number when they were sent.
pub(super) async fn move_messages(
    cx: &mut InboundContext<'_, '_>,
    moved: &MovedPeriod,
    to: PeerId,
) -> Result<(), StoreError> {
    let (Some(from), Some(mut to)) = (cx.unit.peer(moved.peer).await?, cx.unit.peer(to).await?) else {
        return Ok(());
    };
    if !cx.unit.wrote_in(from.chat, moved).await? {
        return Ok(());
    }
    let merged = cx.unit.rename_moved_sender(moved, to.id).await?;
    recount::group_chats(cx, &merged).await?;
    let Some(mut left) = cx.unit.chat_with_for_update(&from).await? else { return Ok(()) };
    if !cx.unit.has_moved(left.id, moved).await? {
        return Ok(());
    }
    let found = cx.lookup_chat_with(&to).await?;
    let Some(StoredChat { mut chat, is_new }) = cx.open_chat(found, &mut to).await? else { return Ok(()) };
    let (before, before_left) = (chat.clone(), left.clone());
    cx.unit.move_messages(left.id, chat.id, to.id, MovedMessages::Moved(moved)).await?;
    chat.arrivals = chat.arrivals.max(left.arrivals);
    if is_new {
        chat.read_to.clone_from(&left.read_to);
    }
    left.last_message = cx.unit.last_message(left.id).await?;
    let unread = cx.unit.count_after(&[left.id], left.read_to.as_ref()).await?;
    left.unread_count = left.unread_count.min(unread);
    chat.last_message = later(cx.unit.last_message(chat.id).await?, chat.last_message);
    let unread = cx.unit.count_after(&[chat.id], chat.read_to.as_ref()).await?;
    let moved = before_left.unread_count.saturating_sub(left.unread_count);
    chat.unread_count = chat.unread_count.saturating_add(moved).min(unread.max(chat.unread_count));
    recount::remove_cleared(cx, &mut chat).await?;
    let of_left = left.merged_change(&before_left, cx.now(), cx.origin);
    let of_chat =
        if is_new { chat.created(cx.now(), cx.origin) } else { chat.merged_change(&before, cx.now(), cx.origin) };
    cx.unit.save_chat(&left).await?;
    cx.unit.save_chat(&chat).await?;
    cx.unit.record(of_left);
    cx.unit.record(of_chat);
    Ok(())
}

fn later(one: Option<LastMessage>, other: Option<LastMessage>) -> Option<LastMessage> {
    [one, other].into_iter().flatten().max_by_key(|last| (last.at, last.id.is_some()))
}
