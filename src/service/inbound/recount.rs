//! Counters of chats whose messages were merged or moved.

use super::context::InboundContext;
use crate::{
    domain::{chat::Chat, id::ChatId},
    store::error::StoreError,
};

/// Removes the messages that the phone cleared in the other half of a chat, before the two were known to be one.
pub(super) async fn remove_cleared(cx: &mut InboundContext<'_, '_>, chat: &mut Chat) -> Result<(), StoreError> {
    let Some(place) = chat.emptied.clone() else { return Ok(()) };
    let place = cx.unit.expand_marker(&[chat.id], place).await?;
    cx.unit.remove_messages_up_to(chat.id, &place).await?;
    cx.unit.forget_deleted_to(chat.id, &place).await?;
    let behind = cx.unit.count_after(&[chat.id], chat.read_to.as_ref()).await?;
    chat.unread_count = chat.unread_count.min(behind);
    let not_stored = chat.last_message.filter(|last| last.id.is_none() && last.at > place.at);
    chat.last_message = cx.unit.last_message(chat.id).await?.or(not_stored);
    Ok(())
}

/// Recounts group chats in which copies of a message became one.
pub(super) async fn group_chats(cx: &mut InboundContext<'_, '_>, chats: &[ChatId]) -> Result<(), StoreError> {
    for id in chats {
        let Some(mut chat) = cx.unit.chat_by_id_for_update(*id).await? else { continue };
        let before = chat.clone();
        let behind = cx.unit.count_after(&[chat.id], chat.read_to.as_ref()).await?;
        chat.unread_count = chat.unread_count.min(behind);
        let last = cx.unit.last_message(chat.id).await?;
        chat.last_message =
            last.filter(|last| before.last_message.is_none_or(|known| known.at <= last.at)).or(chat.last_message);
        if chat != before {
            let joined = chat.merged_change(&before, cx.now(), cx.origin);
            cx.unit.save_chat(&chat).await?;
            cx.unit.record(joined);
        }
    }
    Ok(())
}
