//! Settings that WhatsApp rejects: the setting reverts to WhatsApp's value, and the reason is stored until the setting
//! changes again.

use crate::domain::change::Origin;
use crate::domain::chat::Chat;
use crate::domain::id::ChatId;
use crate::domain::pending_action::PendingAction;
use crate::domain::pending_action::Rejection;
use crate::domain::pending_action::RejectionCode;
use crate::domain::pending_action::Setting;
use crate::session::SessionKey;
use crate::store::Store;
use crate::store::UnitOfWork;
use crate::store::error::StoreError;

use super::chat;

/// Requests that one unit rejects after a logout; it bounds how long other units wait.
const REFUSED_AT_ONCE: usize = 50;

/// Applies that WhatsApp permanently rejected one version of a setting. A newer request has a higher version and stays.
pub(in crate::service) async fn action_rejected(
    unit: &mut UnitOfWork<'_>,
    key: &SessionKey,
    id: ChatId,
    (setting, version): (Setting, i64),
    code: RejectionCode,
    now: i64,
) -> Result<(), StoreError> {
    let Some(mut chat) = unit.chat_by_id_for_update(&key.organization, id).await? else { return Ok(()) };
    let waiting = unit.pending_action(&key.organization, key.session, id, &chat.jid, setting).await?;
    match waiting.filter(|action| action.version == version) {
        Some(action) => reject(unit, key, &mut chat, &action, code, now).await,
        None => Ok(()),
    }
}

/// Rejects some pending actions of a session that was logged out at `until`; later requests wait for the next pairing.
/// Returns whether there may be more.
pub(in crate::service) async fn reject_some(
    store: &Store,
    key: &SessionKey,
    until: i64,
    now: i64,
) -> Result<bool, StoreError> {
    let mut waiting = store.pending_actions(&key.organization, key.session).await?;
    waiting.retain(|action| action.requested_at <= until);
    waiting.truncate(REFUSED_AT_ONCE);
    if waiting.is_empty() {
        return Ok(false);
    }
    let whose = key.clone();
    let refused: Result<(), StoreError> = store
        .write_session(&key.organization, key.session, move |unit| {
            Box::pin(async move {
                for action in &waiting {
                    let which = (action.desired.setting(), action.version);
                    action_rejected(unit, &whose, action.chat, which, RejectionCode::Unlinked, now).await?;
                }
                Ok(())
            })
        })
        .await;
    refused.map(|()| true)
}

async fn reject(
    unit: &mut UnitOfWork<'_>,
    key: &SessionKey,
    chat: &mut Chat,
    action: &PendingAction,
    code: RejectionCode,
    now: i64,
) -> Result<(), StoreError> {
    let setting = action.desired.setting();
    unit.remove_pending_action(&key.organization, key.session, chat.id, action.desired, action.version).await?;
    let refusal = Rejection { setting, code, at: now };
    unit.put_rejection(&key.organization, chat.id, &refusal).await?;
    let mut patch = action.reverting(chat);
    patch.pending = Some(chat.pending.without(setting.field()));
    patch.refused = Some(chat.refused.with(setting.field()));
    chat::apply_patch(unit, key, chat, false, &patch, now, Origin::Revert).await
}
