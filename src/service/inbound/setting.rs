//! Settings that the phone or another device changed, and confirmations of pending actions.

use super::{
    context::{ChatLookup, InboundContext, StoredChat},
    unarchive, unread,
};
use crate::{
    domain::{
        change::ChatFields,
        chat::{Chat, ChatPatch},
        id::ChatId,
        jid::Jid,
        message::MessageRange,
        message_marker::MessageMarker,
        pending_action::PendingAction,
        setting::{Setting, SettingValue, Versioned},
        tombstone::Tombstone,
    },
    store::error::StoreError,
};

/// A setting that was changed on the phone or another device.
pub(in crate::service) struct RemoteSetting<'a> {
    /// The setting and its value.
    pub(in crate::service) value: SettingValue,
    /// WhatsApp's time of the change, in milliseconds.
    pub(in crate::service) as_of: i64,
    /// Last message that it covers.
    pub(in crate::service) up_to: Option<&'a MessageMarker>,
    /// True if it may be older than earlier events.
    pub(in crate::service) replayed: bool,
    /// Address in the event; `None` if the setting is derived from another event.
    pub(in crate::service) address: Option<&'a Jid>,
}

/// Applies a setting that was changed on the phone or another device, or the echo of an own action.
///
/// While an action for the same setting is pending, a value that is newer than the request wins and drops the action.
/// An older one only updates the known value on WhatsApp.
///
/// Otherwise the order of WhatsApp's events decides, whatever the clocks show. Times only decide without an order: in a
/// replay, between two addresses of a chat, and between marks and messages, which are delivered separately.
pub(in crate::service) async fn setting(
    cx: &mut InboundContext<'_, '_>,
    jid: &Jid,
    made: RemoteSetting<'_>,
) -> Result<(), StoreError> {
    let value = match made.value {
        // It has expired in the meantime.
        SettingValue::MutedUntil(Some(until)) if until <= cx.now() => SettingValue::MutedUntil(None),
        value => value,
    };
    set(cx, jid, RemoteSetting { value, ..made }).await?;
    // WhatsApp's own clients unarchive a chat when they pin it, and only send the pin.
    if value == SettingValue::Pinned(true) {
        set(cx, jid, RemoteSetting { value: SettingValue::Archived(false), ..made }).await?;
    }
    Ok(())
}

async fn set(cx: &mut InboundContext<'_, '_>, jid: &Jid, made: RemoteSetting<'_>) -> Result<(), StoreError> {
    // An unknown chat is created with its settings, so that they are there when it gets a message. A replay uses the
    // present address, whatever the age of the setting.
    let found = if made.replayed { cx.lookup_chat(jid).await? } else { cx.lookup_chat_when(jid, made.as_of).await? };
    let found = match found {
        ChatLookup::Chat(chat) => StoredChat::existing(chat),
        ChatLookup::New(chat) => StoredChat { chat, is_new: true },
        ChatLookup::Tombstone(tombstone) => return apply_setting_to_tombstone(cx, tombstone, &made).await,
        ChatLookup::SessionGone => return Ok(()),
    };
    apply_setting(cx, found, made).await
}

/// Applies a setting to a deleted chat, which has it when it comes back.
pub(in crate::service) async fn apply_setting_to_tombstone(
    cx: &mut InboundContext<'_, '_>,
    tombstone: Tombstone,
    made: &RemoteSetting<'_>,
) -> Result<(), StoreError> {
    let mut patch = ChatPatch { as_of: made.as_of, settings: [made.value].into(), ..ChatPatch::default() };
    // A read position has no time; only the mark has one.
    if made.value == SettingValue::Read(true) {
        let place = made.up_to.cloned().unwrap_or(MessageMarker { at: made.as_of, wa_ids: Vec::new() });
        let reading = unread::read_up_to(cx, &tombstone.chat, place).await?;
        (patch.unread_count, patch.read_to) = (Some(reading.unread), Some(reading.place));
    }
    cx.update_tombstone(tombstone, &patch).await
}

/// Applies a setting to a locked or new chat.
pub(in crate::service) async fn apply_setting(
    cx: &mut InboundContext<'_, '_>,
    StoredChat { chat, is_new }: StoredChat,
    RemoteSetting { value, as_of, up_to, address, replayed }: RemoteSetting<'_>,
) -> Result<(), StoreError> {
    // Phones follow WhatsApp's order of changes under one address.
    let in_order = !replayed && value.setting() != Setting::Read && address == Some(chat.sending_address());
    let address = address.map(|jid| (jid.clone(), as_of));
    let value = match up_to {
        Some(up_to) if value == SettingValue::Archived(true) && unarchive::is_left_since(cx, &chat, up_to).await? => {
            SettingValue::Archived(false)
        }
        _ => value,
    };
    let mut patch = ChatPatch { as_of, address, settings: [value].into(), ..ChatPatch::default() };
    let setting = value.setting();
    let waiting = if chat.pending.contains(setting.field()) {
        cx.unit.pending_action(cx.session, chat.id, &chat.jid, setting).await?
    } else {
        None
    };
    // A read position has no time; only the mark has one.
    let mut unread = None;
    if let SettingValue::Read(read) = value {
        if !read && was_read_since(cx, &chat, as_of, up_to).await? {
            patch.settings.remove(Setting::Read);
        }
        // Phones only mark chats that are read, and a replay has the mark without the preceding read. A single mark is
        // no evidence of that: another companion may mark a chat with unread messages.
        let is_known = !read && (!replayed || is_our_mark(&chat, waiting.as_ref(), as_of));
        let end = read.then(|| MessageMarker { at: as_of, wa_ids: Vec::new() });
        if let Some(place) = up_to.cloned().or(end).filter(|_| !is_known) {
            let reading = unread::read_up_to(cx, &chat, place).await?;
            patch.unread_count = Some(reading.unread);
            patch.read_to = Some(reading.place);
            unread = Some(reading.left);
        }
    }
    if let Some(mut action) = waiting {
        if let Some(left) = unread {
            action.unread = action.unread.min(left.saturating_sub(chat.unread_count));
            let is_covered = |range: &MessageRange| patch.read_to.as_ref().is_some_and(|place| range.at <= place.at);
            action.read_before = action.read_before.filter(|range| !is_covered(range));
        }
        if as_of <= action.requested_at {
            correct_base(cx, &mut action, value, as_of, in_order).await?;
            let ChatPatch { unread_count, read_to, address, .. } = patch;
            let read = ChatPatch { unread_count, read_to, address, ..ChatPatch::default() };
            return cx.apply(StoredChat { chat, is_new }, &read).await;
        }
        let overtaken = value == SettingValue::Read(true) && action.desired == SettingValue::Read(false);
        let range = match &patch.read_to {
            Some(place) if overtaken => cx.unit.message_range_up_to(chat.id, place).await?,
            _ => None,
        };
        if let Some(range) = range {
            cx.unit.put_pending_action(&action.as_read(range, as_of)).await?;
        } else {
            cx.unit.remove_pending_action(cx.session, chat.id, action.desired, action.version).await?;
            patch.pending = Some(chat.pending - setting.field());
        }
    }
    if in_order {
        patch.as_of = as_of.max(chat.base(setting).1);
    }
    if chat.refused.contains(setting.field()) && patch.as_of >= chat.base(setting).1 && !chat.has(value) {
        cx.unit.remove_rejection(chat.id, setting).await?;
        patch.refused = Some(chat.refused - setting.field());
    }
    cx.apply(StoredChat { chat, is_new }, &patch).await
}

/// Returns whether a chat was read, beyond the mark's range, after a mark of the same second. Messages have whole
/// seconds, and an own message may arrive before the mark that it undoes.
async fn was_read_since(
    cx: &mut InboundContext<'_, '_>,
    chat: &Chat,
    marked_at: i64,
    up_to: Option<&MessageMarker>,
) -> Result<bool, StoreError> {
    let read = chat.settings.marked_unread;
    let is_of_one_second = !read.value && read.as_of.div_euclid(1_000) == marked_at.div_euclid(1_000);
    let (Some(up_to), Some(read_to), true) = (up_to, &chat.read_to, is_of_one_second) else { return Ok(false) };
    let up_to = cx.unit.expand_marker(&[chat.id], up_to.clone()).await?;
    Ok(read_to.is_beyond(&up_to))
}

/// Returns whether a mark as unread is the one that the chat has, or the echo of a pending one. It is then no evidence
/// of what was read.
fn is_our_mark(chat: &Chat, waiting: Option<&PendingAction>, as_of: i64) -> bool {
    let asked = waiting.filter(|action| action.desired == SettingValue::Read(false));
    chat.settings.marked_unread == Versioned { value: true, as_of }
        || asked.is_some_and(|action| action.requested_at == as_of)
}

/// Updates the known value on WhatsApp of a setting with a pending action.
async fn correct_base(
    cx: &mut InboundContext<'_, '_>,
    action: &mut PendingAction,
    value: SettingValue,
    as_of: i64,
    in_order: bool,
) -> Result<(), StoreError> {
    if in_order || as_of >= action.base_as_of {
        (action.base, action.base_as_of) = (value, as_of.max(action.base_as_of));
    }
    cx.unit.put_pending_action(action).await
}

/// Applies that WhatsApp accepted an action. A newer request has a higher version and stays.
pub(in crate::service) async fn action_sent(
    cx: &mut InboundContext<'_, '_>,
    id: ChatId,
    desired: SettingValue,
    version: i64,
) -> Result<(), StoreError> {
    // Lock the chat first: its lock guards its pending actions, also where they are added.
    let Some(chat) = cx.unit.chat_by_id_for_update(id).await? else { return Ok(()) };
    let setting = desired.setting();
    if !cx.unit.remove_pending_action(cx.session, id, desired, version).await? {
        // Only the preceding read was sent; the mark as unread follows.
        let waiting = cx.unit.pending_action(cx.session, id, &chat.jid, setting).await?;
        let Some(action) = waiting.filter(|action| action.version == version) else { return Ok(()) };
        return cx.unit.put_pending_action(&PendingAction { read_before: None, ..action }).await;
    }
    let patch = ChatPatch { pending: Some(chat.pending - setting.field()), ..ChatPatch::default() };
    cx.apply(StoredChat::existing(chat), &patch).await
}

/// Handles a read, up to `range`, of a chat with a pending mark as unread: WhatsApp is asked to show it as read
/// instead. `at` returns the time of the read, given that of the request; an earlier read changes nothing. Returns the
/// chat's new pending settings if they changed.
pub(in crate::service) async fn remove_unread_mark(
    cx: &mut InboundContext<'_, '_>,
    chat: &Chat,
    range: Option<MessageRange>,
    at: impl FnOnce(i64) -> i64,
) -> Result<Option<ChatFields>, StoreError> {
    let field = Setting::Read.field();
    if !chat.pending.contains(field) {
        return Ok(None);
    }
    let waiting = cx.unit.pending_action(cx.session, chat.id, &chat.jid, Setting::Read).await?;
    let Some(action) = waiting.filter(|action| action.desired == SettingValue::Read(false)) else { return Ok(None) };
    let at = at(action.requested_at);
    if at < action.requested_at {
        return Ok(None);
    }
    if let Some(range) = range {
        cx.unit.put_pending_action(&action.as_read(range, at)).await?;
        return Ok(None);
    }
    cx.unit.remove_pending_action(cx.session, chat.id, action.desired, action.version).await?;
    Ok(Some(chat.pending - field))
}
