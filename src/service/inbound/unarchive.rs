//! Chats that a new message unarchives, if the account has the setting for it. The phone and each companion unarchive
//! them themselves, and no patch is sent.

use super::context::{InboundContext, StoredChat};
use crate::{
    domain::{
        chat::{Chat, ChatPatch},
        message::IncomingMessage,
        message_marker::MessageMarker,
        setting::{Setting, SettingValue},
    },
    store::error::StoreError,
};

/// Stores whether a new message unarchives its chat. If that is new, chats with a message of another person since they
/// were archived are unarchived at once.
pub(super) async fn rule(cx: &mut InboundContext<'_, '_>, unarchives: bool) -> Result<(), StoreError> {
    // Lock order: the session before its chats.
    if cx.unit.session_for_update(cx.session).await?.is_none() {
        return Ok(());
    }
    let before = cx.unit.unarchives_chats(cx.session).await?;
    cx.unit.set_unarchives_chats(cx.session, unarchives).await?;
    if before || !unarchives {
        return Ok(());
    }
    for chat in cx.unit.chats_archived_before_activity(cx.session).await? {
        let archived = MessageMarker { at: chat.settings.archived.as_of, wa_ids: Vec::new() };
        let waits = chat.pending.contains(Setting::Archived.field());
        if !waits && cx.unit.count_after(&[chat.id], Some(&archived)).await? > 0 {
            let patch = ChatPatch {
                settings: [SettingValue::Archived(false)].into(),
                as_of: after(&chat, archived.at),
                ..ChatPatch::default()
            };
            cx.apply(StoredChat::existing(chat), &patch).await?;
        }
    }
    Ok(())
}

/// Returns the time at which a new message unarchives its chat; `None` if it does not.
pub(super) async fn left_with(
    cx: &mut InboundContext<'_, '_>,
    chat: &Chat,
    message: &IncomingMessage,
) -> Result<Option<i64>, StoreError> {
    // Messages have whole seconds: within one second, the order of arrival decides.
    let is_newer = message.at.div_euclid(1_000) >= chat.settings.archived.as_of.div_euclid(1_000);
    let may_leave = chat.settings.archived.value && !chat.pending.contains(Setting::Archived.field());
    let leaves = may_leave && is_newer && !message.from_me && cx.unit.unarchives_chats(cx.session).await?;
    Ok(leaves.then(|| after(chat, message.at)))
}

/// Returns true if a chat has a message of another person behind the range with which it was archived.
pub(super) async fn is_left_since(
    cx: &mut InboundContext<'_, '_>,
    chat: &Chat,
    up_to: &MessageMarker,
) -> Result<bool, StoreError> {
    if chat.last_message.is_none_or(|last| last.at < up_to.at) || !cx.unit.unarchives_chats(cx.session).await? {
        return Ok(false);
    }
    let up_to = cx.unit.expand_marker(&[chat.id], up_to.clone()).await?;
    Ok(cx.unit.count_after(&[chat.id], Some(&up_to)).await? > 0)
}

/// Returns a time after the archive action, so that a replay of that action has no effect.
fn after(chat: &Chat, at: i64) -> i64 {
    at.max(chat.settings.archived.as_of.saturating_add(1))
}
