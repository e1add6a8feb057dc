//! Unread count of a chat that is read up to a position.

use super::context::InboundContext;
use crate::{
    domain::{chat::Chat, message_marker::MessageMarker},
    store::error::StoreError,
};

/// The state of a chat that is read up to a position.
pub(super) struct ReadMark {
    /// The new read position; never before the previous one.
    pub(super) place: MessageMarker,
    /// Number of incoming messages after it.
    pub(super) left: u32,
    /// Unread count.
    pub(super) unread: u32,
}

/// Computes the state of a chat that is read up to `place`.
pub(super) async fn read_up_to(
    cx: &mut InboundContext<'_, '_>,
    chat: &Chat,
    place: MessageMarker,
) -> Result<ReadMark, StoreError> {
    let chats = [chat.id];
    let place = cx.unit.expand_marker(&chats, place.max_with(chat.read_to.clone())).await?;
    let left = cx.unit.count_after(&chats, Some(&place)).await?;
    let mut unread = chat.unread_count;
    if chat.read_to.as_ref() != Some(&place) {
        let before = cx.unit.count_after(&chats, chat.read_to.as_ref()).await?;
        let all = left == 0 && chat.last_message.is_none_or(|last| last.at <= place.at);
        unread = chat.unread_after(before, left, all);
    }
    if chat.known_up_to.is_some() {
        cx.unit.forget_deleted_to(chat.id, &place).await?;
    }
    Ok(ReadMark { place, left, unread })
}
