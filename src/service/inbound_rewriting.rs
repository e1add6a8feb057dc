//! What becomes of messages that are there: they are edited, taken back, or taken away with their chat.

use crate::domain::action::Setting;
use crate::domain::change::Origin;
use crate::domain::chat::Chat;
use crate::domain::chat::ChatPatch;
use crate::domain::chat::ChatType;
use crate::domain::horizon::Horizon;
use crate::domain::jid::Jid;
use crate::domain::message::Message;
use crate::domain::tombstone::Tombstone;
use crate::session::Rewriting;
use crate::session::SessionKey;
use crate::store::Unit;
use crate::store::error::StoreError;

use super::chat_delete;
use super::inbound_chat;
use super::inbound_chat::Found;

/// A message was edited or taken back. It is told where it is the chat's last, or where the count falls.
pub(super) async fn rewritten(
    unit: &mut Unit<'_>,
    key: &SessionKey,
    rewriting: &Rewriting,
    now: i64,
) -> Result<(), StoreError> {
    let whose = &key.organization;
    // What was not stored has nothing that could change.
    let Some(mut chat) = unit.chat_for_update(whose, key.session, &rewriting.chat).await? else { return Ok(()) };
    let named = unit.messages_named(whose, chat.id, &rewriting.wa_id).await?;
    let Some(before) = named.into_iter().find(|message| is_about(rewriting, &chat, message)) else { return Ok(()) };
    let Some(after) = before.rewritten(&rewriting.rewrite) else { return Ok(()) };
    let mut patch = ChatPatch { rewritten: Some(before.id), ..ChatPatch::default() };
    if after.revoked && !before.from_me {
        patch.unread_count = one_less_unread(unit, key, &chat, &before).await?;
    }
    unit.rewrite_message(whose, &after).await?;
    inbound_chat::save(unit, key, &mut chat, false, &patch, now, Origin::Message).await
}

/// Between two people everybody is who they are, under whatever address.
fn is_about(rewriting: &Rewriting, chat: &Chat, message: &Message) -> bool {
    let same_side = rewriting.from_me == message.from_me;
    match chat.chat_type() {
        ChatType::Dm => same_side,
        _ => rewriting.sender == message.sender || (same_side && message.from_me),
    }
}

/// The count without this message, when it is one of the unread, which are the last so many that others wrote. One that a
/// waiting request has read is no longer to be given back with that request.
async fn one_less_unread(
    unit: &mut Unit<'_>,
    key: &SessionKey,
    chat: &Chat,
    message: &Message,
) -> Result<Option<u32>, StoreError> {
    let place = Horizon { at: message.at, wa_ids: vec![message.wa_id.clone()] };
    let place = unit.complete(&key.organization, &[chat.id], place).await?;
    let later = unit.count_behind(&key.organization, &[chat.id], Some(&place)).await?;
    if later < chat.unread_count {
        return Ok(Some(chat.unread_count - 1));
    }
    if chat.pending.contains(Setting::Read.field())
        && let Some(mut action) =
            unit.pending_action(&key.organization, key.session, chat.id, &chat.jid, Setting::Read).await?
        && later < chat.unread_count.saturating_add(action.unread)
    {
        action.unread -= 1;
        unit.put_pending_action(&action).await?;
    }
    Ok(None)
}

/// That the phone took a chat's messages away.
pub(super) struct Emptied<'a> {
    /// The chat.
    pub(super) chat: &'a Jid,
    /// Up to which message.
    pub(super) up_to: &'a Horizon,
    /// WhatsApp's time of it, in milliseconds.
    pub(super) as_of: i64,
    /// Whether the chat goes, too, where no message is left.
    pub(super) deleted: bool,
}

/// A chat was cleared or deleted on the phone, up to a message: those beyond it stay, those up to it never come back.
///
/// A deleted chat of which something is left stays with that. One that has no message here stays as well: it is a name or
/// settings, which the phone keeps.
pub(super) async fn emptied(
    unit: &mut Unit<'_>,
    key: &SessionKey,
    Emptied { chat: jid, up_to, as_of, deleted }: Emptied<'_>,
    now: i64,
) -> Result<(), StoreError> {
    let whose = &key.organization;
    let mut patch = ChatPatch { as_of, emptied_to: Some(up_to.clone()), ..ChatPatch::default() };
    let (mut chat, is_new) = match inbound_chat::find(unit, key, jid, now).await? {
        Found::Nowhere => return Ok(()),
        Found::Deleted(tombstone) => {
            // Nothing beyond it is known: it goes on the phone, and with it its settings.
            if deleted && tombstone.chat.horizon.as_ref().is_none_or(|known| known.at <= up_to.at) {
                patch = ChatPatch { emptied_to: patch.emptied_to, ..without_settings(as_of) };
            }
            return inbound_chat::note(unit, key, tombstone, &patch, now, Origin::Device).await;
        }
        Found::New(chat) if deleted => {
            // Its messages may be on their way yet.
            let tombstone = Tombstone::of_unknown(chat, up_to.clone(), now);
            return unit.insert_tombstone(whose, &tombstone).await;
        }
        Found::New(chat) => (chat, true),
        Found::Chat(chat) => (chat, false),
    };
    let stored = unit.last_message_beyond(whose, chat.id, up_to).await?;
    let told = chat.last_message.filter(|last| last.id.is_none() && last.at > up_to.at);
    let left = stored.or(told);
    if deleted && left.is_none() && chat.last_message.is_some() {
        // The phone has none of its settings any more, whatever was to be told about them.
        let _untold = chat.apply(&without_settings(as_of), now, Origin::Device);
        chat.horizon = Some(up_to.clone().or_further(chat.horizon.take()));
        return chat_delete::bury(unit, whose, &chat, &[], now, Origin::Device).await;
    }
    let range = unit.message_range_up_to(whose, chat.id, up_to).await?;
    patch.pending = inbound_chat::take_back_mark(unit, key, &chat, range, |_| as_of).await?;
    unit.remove_messages_up_to(whose, chat.id, up_to).await?;
    let unread = unit.messages_of_others(whose, chat.id).await?;
    patch.last_message = left;
    patch.unread_count = Some(chat.unread_count.min(unread));
    patch.marked_unread = Some(false);
    inbound_chat::save(unit, key, &mut chat, is_new, &patch, now, Origin::Device).await
}

/// What a chat that was deleted on the phone would come back with.
fn without_settings(as_of: i64) -> ChatPatch {
    ChatPatch {
        as_of,
        archived: Some(false),
        pinned: Some(false),
        muted_until: Some(None),
        marked_unread: Some(false),
        unread_count: Some(0),
        ..ChatPatch::default()
    }
}
