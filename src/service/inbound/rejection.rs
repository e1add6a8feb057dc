//! Settings that WhatsApp rejects: the setting reverts to WhatsApp's value, and the reason is stored until the setting
//! changes again.

use super::context::{InboundContext, StoredChat};
use crate::{
    domain::{
        change::Origin,
        chat::Chat,
        id::ChatId,
        pending_action::{PendingAction, Rejection, RejectionCode},
        setting::Setting,
    },
    session::SessionKey,
    store::{Store, error::StoreError},
};

/// Requests that one unit rejects after a logout; it bounds how long other units wait.
const REFUSED_AT_ONCE: usize = 50;

/// Applies that WhatsApp permanently rejected one version of a setting. A newer request has a higher version and stays.
pub(in crate::service) async fn action_rejected(
    cx: &mut InboundContext<'_, '_>,
    id: ChatId,
    setting: Setting,
    version: i64,
    code: RejectionCode,
) -> Result<(), StoreError> {
    let Some(chat) = cx.unit.chat_by_id_for_update(id).await? else { return Ok(()) };
    let waiting = cx.unit.pending_action(cx.session, id, &chat.jid, setting).await?;
    match waiting.filter(|action| action.version == version) {
        Some(action) => reject(cx, chat, &action, code).await,
        None => Ok(()),
    }
}

/// Rejects some pending actions of a session that was logged out at `until`; later requests wait for the next pairing.
/// Returns whether there may be more.
pub(in crate::service) async fn reject_some(store: &Store, key: &SessionKey, until: i64) -> Result<bool, StoreError> {
    let mut waiting = store.pending_actions(&key.organization, key.session).await?;
    waiting.retain(|action| action.requested_at <= until);
    waiting.truncate(REFUSED_AT_ONCE);
    if waiting.is_empty() {
        return Ok(false);
    }
    let session = key.session;
    let refused: Result<(), StoreError> = store
        .write_session(&key.organization, key.session, move |unit| {
            Box::pin(async move {
                let cx = &mut InboundContext { unit, session, origin: Origin::Revert };
                for action in &waiting {
                    let (setting, version) = (action.desired.setting(), action.version);
                    action_rejected(cx, action.chat, setting, version, RejectionCode::Unlinked).await?;
                }
                Ok(())
            })
        })
        .await;
    refused.map(|()| true)
}

async fn reject(
    cx: &mut InboundContext<'_, '_>,
    chat: Chat,
    action: &PendingAction,
    code: RejectionCode,
) -> Result<(), StoreError> {
    let setting = action.desired.setting();
    cx.unit.remove_pending_action(cx.session, chat.id, action.desired, action.version).await?;
    let refusal = Rejection { setting, code, at: cx.now() };
    cx.unit.put_rejection(chat.id, &refusal).await?;
    let mut patch = action.reverting(&chat);
    patch.pending = Some(chat.pending - setting.field());
    patch.refused = Some(chat.refused | setting.field());
    cx.apply(StoredChat::existing(chat), &patch).await
}
