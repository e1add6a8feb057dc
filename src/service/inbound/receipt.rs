//! Receipts of other devices: messages that the user has read there.

use super::{
    context::{InboundContext, StoredChat},
    setting::{self, RemoteSetting},
};
use crate::{
    domain::{clock::DAY_MS, id::ChatId, jid::Jid, message_marker::MessageMarker, setting::SettingValue},
    store::error::StoreError,
};

/// Time for which a receipt waits for its message, in milliseconds; longer than WhatsApp keeps a message.
const EARLY_RECEIPT_RETENTION_MS: i64 = 45 * DAY_MS;

/// Messages that another device has read, as named by its receipt.
pub(super) struct Receipt<'a> {
    /// The chat that the receipt names; `None` for receipts that name the account itself.
    pub(super) chat: Option<&'a Jid>,
    /// WhatsApp ids.
    pub(super) wa_ids: &'a [String],
    /// Time of reading, in milliseconds.
    pub(super) at: i64,
}

/// Applies a receipt of another device. A receipt that arrives before its message is stored for it.
pub(super) async fn receipt(cx: &mut InboundContext<'_, '_>, receipt: Receipt<'_>) -> Result<(), StoreError> {
    // Lock order: session, then chats.
    if cx.unit.session_for_update(cx.session).await?.is_none() {
        return Ok(());
    }
    let named = cx.unit.messages_by_wa_id(cx.session, receipt.wa_ids).await?;
    let mut early: Vec<_> =
        receipt.wa_ids.iter().filter(|id| !named.iter().any(|(_, known, _)| known == *id)).cloned().collect();
    let deleted = cx.unit.deleted_unread(cx.session, &early).await?;
    early.retain(|id| !deleted.iter().any(|it| it.wa_id == *id));
    if !early.is_empty() {
        let oldest = cx.now() - EARLY_RECEIPT_RETENTION_MS;
        cx.unit.note_early_receipts(cx.session, &early, oldest).await?;
    }
    let deleted: Vec<_> = deleted.into_iter().map(|it| (it.chat, it.wa_id, it.at)).collect();
    for named in [named, deleted] {
        read_in_one_chat(cx, &receipt, named).await?;
    }
    Ok(())
}

/// Applies a receipt to one chat, stored or deleted. A deleted chat comes back with the remaining unread count.
async fn read_in_one_chat(
    cx: &mut InboundContext<'_, '_>,
    receipt: &Receipt<'_>,
    named: Vec<(ChatId, String, i64)>,
) -> Result<(), StoreError> {
    let Some(id) = chat_of(cx, receipt.chat, &named).await? else { return Ok(()) };
    let places = named.into_iter().filter(|(whose, _, _)| *whose == id);
    let places = places.map(|(_, wa_id, at)| MessageMarker { at, wa_ids: vec![wa_id] });
    let Some(place) = places.reduce(|one, other| one.max_with(Some(other))) else { return Ok(()) };
    let made = RemoteSetting {
        value: SettingValue::Read(true),
        as_of: receipt.at,
        up_to: Some(&place),
        address: None,
        replayed: false,
    };
    if let Some(chat) = cx.unit.chat_by_id_for_update(id).await? {
        return setting::apply_setting(cx, StoredChat::existing(chat), made).await;
    }
    match cx.unit.tombstone_by_id_for_update(id).await? {
        Some(tombstone) => setting::apply_setting_to_tombstone(cx, tombstone, &made).await,
        None => Ok(()),
    }
}

/// Returns the chat of the messages. Senders choose message ids, so an id may occur in several chats; then only the
/// chat that the receipt names is used.
async fn chat_of(
    cx: &mut InboundContext<'_, '_>,
    spoken_of: Option<&Jid>,
    named: &[(ChatId, String, i64)],
) -> Result<Option<ChatId>, StoreError> {
    let Some((first, _, _)) = named.first() else { return Ok(None) };
    if named.iter().all(|(chat, _, _)| chat == first) {
        return Ok(Some(*first));
    }
    let Some(jid) = spoken_of else { return Ok(None) };
    let peers = cx.unit.periods(cx.session, jid).await?;
    let mut chats = Vec::new();
    for period in peers.iter().rev() {
        chats.extend(cx.unit.peer(period.peer).await?.and_then(|peer| peer.chat));
    }
    Ok(chats.into_iter().find(|id| named.iter().any(|(chat, _, _)| chat == id)))
}
