//! Chats that the phone cleared or deleted.

use super::{
    context::{ChatLookup, InboundContext, StoredChat},
    setting,
};
use crate::{
    domain::{
        chat::ChatPatch,
        jid::Jid,
        message_marker::MessageMarker,
        setting::{Setting, SettingValue},
        tombstone::Tombstone,
    },
    service::chat::delete,
    store::error::StoreError,
};

/// A chat that was cleared or deleted on the phone.
pub(super) struct ClearedChat<'a> {
    /// The chat.
    pub(super) chat: &'a Jid,
    /// Last message that was removed.
    pub(super) up_to: &'a MessageMarker,
    /// WhatsApp's time of it, in milliseconds.
    pub(super) as_of: i64,
    /// True if the chat is deleted as well, unless a message is left.
    pub(super) deleted: bool,
}

/// Applies that a chat was cleared or deleted on the phone up to a message: later messages stay, and earlier ones never
/// come back.
///
/// A deleted chat with messages left stays, without its settings if all of them were sent later. A chat without a
/// message here stays as well: it is a name or settings, which the phone keeps.
pub(super) async fn chat_cleared(
    cx: &mut InboundContext<'_, '_>,
    ClearedChat { chat: jid, up_to, as_of, deleted }: ClearedChat<'_>,
) -> Result<(), StoreError> {
    let mut patch = ChatPatch { as_of, emptied_to: Some(up_to.clone()), ..ChatPatch::default() };
    let (mut chat, is_new) = match cx.lookup_chat_when(jid, as_of).await? {
        ChatLookup::SessionGone => return Ok(()),
        ChatLookup::Tombstone(tombstone) => {
            let chat = tombstone.chat.id;
            cx.unit.forget_deleted_to(chat, up_to).await?;
            let left = cx.unit.count_after(&[chat], None).await?;
            patch.unread_count = Some(tombstone.chat.unread_count.min(left));
            // No later message is known: the phone deletes the chat, and its settings with it.
            if deleted && tombstone.chat.known_up_to.as_ref().is_none_or(|known| known.at <= up_to.at) {
                patch = ChatPatch { emptied_to: patch.emptied_to, ..without_settings(as_of) };
            }
            return cx.update_tombstone(tombstone, &patch).await;
        }
        ChatLookup::New(mut chat) if deleted => {
            // Its messages may still arrive.
            let _unpublished = chat.apply(&without_settings(as_of), cx.now(), cx.origin);
            let tombstone = Tombstone::of_unknown_chat(chat, up_to.clone(), cx.now());
            return cx.unit.insert_tombstone(&tombstone).await;
        }
        ChatLookup::New(chat) => (chat, true),
        ChatLookup::Chat(chat) => (chat, false),
    };
    // If several messages have the same second, the phone names the last one: those that WhatsApp sent before it are
    // removed too.
    let known = chat.known_up_to.as_ref().filter(|known| known.at == up_to.at);
    let is_first = !known.is_some_and(|known| up_to.wa_ids.iter().any(|id| known.wa_ids.contains(id)));
    let up_to = &if is_first {
        cx.unit.expand_marker_now(chat.id, up_to.clone()).await?
    } else {
        cx.unit.expand_marker(&[chat.id], up_to.clone()).await?
    };
    cx.unit.forget_deleted_to(chat.id, up_to).await?;
    patch.emptied_to = Some(up_to.clone());
    let stored = cx.unit.last_message_beyond(chat.id, up_to).await?;
    let not_stored = chat.last_message.filter(|last| last.id.is_none() && last.at > up_to.at);
    let left = stored.or(not_stored);
    if deleted && left.is_none() && chat.last_message.is_some() {
        // The phone has deleted its settings, including those that were still pending.
        let _unpublished = chat.apply(&without_settings(as_of), cx.now(), cx.origin);
        chat.known_up_to = Some(up_to.clone().max_with(chat.known_up_to.take()));
        chat.emptied = Some(up_to.clone().max_with(chat.emptied.take()));
        return delete::delete_with_tombstone(cx.unit, &chat, &[], cx.origin).await;
    }
    let range = cx.unit.message_range_up_to(chat.id, up_to).await?;
    patch.pending = setting::remove_unread_mark(cx, &chat, range, |_| as_of).await?;
    cx.unit.remove_messages_up_to(chat.id, up_to).await?;
    let unread = cx.unit.count_after(&[chat.id], None).await?;
    patch.last_message = left;
    patch.unread_count = Some(chat.unread_count.min(unread));
    patch.settings.set(SettingValue::Read(true));
    let begins_again = match stored {
        Some(_) => !cx.unit.has_messages_of_before(chat.id, as_of).await?,
        None => chat.last_message.is_none(),
    };
    if deleted && begins_again {
        // All remaining and future messages are later than the deletion: they start the chat again on the phone.
        let waits = |setting: &Setting| chat.pending.contains(setting.field());
        let settings = Setting::ALL.into_iter().filter(|setting| *setting == Setting::Read || !waits(setting));
        patch.settings = settings.map(Setting::default_value).collect();
    }
    cx.apply(StoredChat { chat, is_new }, &patch).await
}

/// The patch for a chat that was deleted on the phone and comes back.
fn without_settings(as_of: i64) -> ChatPatch {
    let settings = Setting::ALL.into_iter().map(Setting::default_value).collect();
    ChatPatch { as_of, settings, unread_count: Some(0), ..ChatPatch::default() }
}
