//! Chats that a new message unarchives, if the account has the setting for it. The phone and each companion unarchive them
//! themselves, and no patch is sent.

use crate::domain::change::Origin;
use crate::domain::chat::Chat;
use crate::domain::chat::ChatPatch;
use crate::domain::message::IncomingMessage;
use crate::domain::message_marker::MessageMarker;
use crate::domain::pending_action::Setting;
use crate::session::SessionKey;
use crate::store::UnitOfWork;
use crate::store::error::StoreError;

use super::inbound::chat;

/// Stores whether a new message unarchives its chat. If that is new, chats with a message of another person since they were
/// archived are unarchived at once.
pub(super) async fn rule(
    unit: &mut UnitOfWork<'_>,
    key: &SessionKey,
    unarchives: bool,
    now: i64,
) -> Result<(), StoreError> {
    // Lock order: the session before its chats.
    if unit.session_for_update(&key.organization, key.session).await?.is_none() {
        return Ok(());
    }
    let before = unit.unarchives_chats(key.session).await?;
    unit.set_unarchives_chats(key.session, unarchives).await?;
    if before || !unarchives {
        return Ok(());
    }
    for mut chat in unit.chats_archived_before_activity(&key.organization, key.session).await? {
        let archived = MessageMarker { at: chat.archived.as_of, wa_ids: Vec::new() };
        let waits = chat.pending.contains(Setting::Archived.field());
        if !waits && unit.count_after(&key.organization, &[chat.id], Some(&archived)).await? > 0 {
            let patch = ChatPatch { archived: Some(false), as_of: after(&chat, archived.at), ..ChatPatch::default() };
            chat::apply_patch(unit, key, &mut chat, false, &patch, now, Origin::Device).await?;
        }
    }
    Ok(())
}

/// Returns the time at which a new message unarchives its chat; `None` if it does not.
pub(super) async fn left_with(
    unit: &mut UnitOfWork<'_>,
    key: &SessionKey,
    chat: &Chat,
    message: &IncomingMessage,
) -> Result<Option<i64>, StoreError> {
    // Messages have whole seconds: within one second, the order of arrival decides.
    let is_newer = message.at.div_euclid(1_000) >= chat.archived.as_of.div_euclid(1_000);
    let may_leave = chat.archived.value && !chat.pending.contains(Setting::Archived.field());
    let leaves = may_leave && is_newer && !message.from_me && unit.unarchives_chats(key.session).await?;
    Ok(leaves.then(|| after(chat, message.at)))
}

/// Returns true if a chat has a message of another person behind the range with which it was archived.
pub(super) async fn is_left_since(
    unit: &mut UnitOfWork<'_>,
    key: &SessionKey,
    chat: &Chat,
    up_to: &MessageMarker,
) -> Result<bool, StoreError> {
    if chat.last_message.is_none_or(|last| last.at < up_to.at) || !unit.unarchives_chats(key.session).await? {
        return Ok(false);
    }
    let up_to = unit.expand_marker(&key.organization, &[chat.id], up_to.clone()).await?;
    Ok(unit.count_after(&key.organization, &[chat.id], Some(&up_to)).await? > 0)
}

/// Returns a time after the archive action, so that a replay of that action has no effect.
fn after(chat: &Chat, at: i64) -> i64 {
    at.max(chat.archived.as_of.saturating_add(1))
}
