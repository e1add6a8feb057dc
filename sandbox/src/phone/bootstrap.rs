//! Initial messages of the phone to a newly paired companion: the app-state keys, then the history.

use whatsapp_rust::{
    buffa::MessageField,
    waproto::whatsapp::{
        Message,
        message::{
            AppStateSyncKey, AppStateSyncKeyData, AppStateSyncKeyFingerprint, AppStateSyncKeyId, AppStateSyncKeyShare,
            ProtocolMessage, protocol_message,
        },
    },
};

use super::{account::Account, app_state::SyncKey, history};
use crate::{Error, lock::locked, storage::media::Media};

/// Sends them once, as soon as the companion's keys are there; does nothing if they were sent already.
pub(crate) async fn send_once(account: &Account, media: &Media, device: u16) -> Result<(), Error> {
    // Held to the end, so that each message is either part of the history or sent after it.
    let mut peers = account.peers.lock().await;
    let unshared = locked(&account.companions).get(device).filter(|it| it.awaits_bootstrap()).map(|it| it.full);
    let Some(full) = unshared else { return Ok(()) };
    let share = key_share(account, locked(&account.app_state).keys());
    let mut outgoing = vec![account.peer_message(share)?];
    for notice in history::notices(account, media, full)? {
        outgoing.push(account.peer_message(notice)?);
    }
    for outgoing in outgoing {
        account.post(&mut peers, device, &outgoing).await?;
    }
    if let Some(companion) = locked(&account.companions).get_mut(device) {
        companion.bootstrapped = true;
    }
    Ok(())
}

/// Creates the message that shares app-state keys with companions.
pub(super) fn key_share<'a>(account: &Account, keys: impl Iterator<Item = &'a SyncKey>) -> Message {
    let devices: Vec<u32> = locked(&account.companions).all().map(|(device, _)| device.into()).collect();
    // The client drops a key without a fingerprint.
    let fingerprint = AppStateSyncKeyFingerprint {
        raw_id: Some(account.raw_id),
        current_index: devices.iter().copied().max(),
        device_indexes: std::iter::once(0).chain(devices).collect(),
    };
    let shared = |key: &SyncKey| AppStateSyncKey {
        key_id: MessageField::some(AppStateSyncKeyId { key_id: Some(key.id.clone()) }),
        key_data: MessageField::some(AppStateSyncKeyData {
            key_data: Some(key.data.to_vec()),
            fingerprint: MessageField::some(fingerprint.clone()),
            timestamp: Some(key.made_at),
        }),
    };
    let protocol = ProtocolMessage {
        r#type: Some(protocol_message::Type::APP_STATE_SYNC_KEY_SHARE),
        app_state_sync_key_share: MessageField::some(AppStateSyncKeyShare { keys: keys.map(shared).collect() }),
        ..Default::default()
    };
    Message { protocol_message: MessageField::some(protocol), ..Default::default() }
}
