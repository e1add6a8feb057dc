//! Translation of the library's events into domain events: one match, with one arm per kind.

use std::time::Duration;

use tracing::debug;
use whatsapp_rust::{
    types::{
        call::{CallAction, IncomingCall},
        events::{
            ConnectFailureReason, DeleteMessageForMeUpdate, Event, EventKind, InboundMessage, LoggedOut, PairSuccess,
            Receipt, UnavailableType,
        },
        presence::ReceiptType,
    },
    waproto::whatsapp::sync_action_value::SyncActionMessageRange,
};

use super::{
    contacts,
    jid::{self, Untranslatable},
    message, setting,
    translated::Translated,
};
use crate::{
    domain::{
        call::Call,
        message::MessageUpdate,
        session::{Account, StatusCode, StatusReason},
    },
    session::{
        SessionEvent, UpdatedMessage,
        connection::{ConnectionEvent, DisconnectReason},
    },
};

/// Kinds with an arm in [`translate`], and the history, which is handled separately. Those of settings are in
/// [`setting::KINDS`].
const KINDS: [EventKind; 25] = [
    EventKind::DeleteChatUpdate,
    EventKind::ClearChatUpdate,
    EventKind::DeleteMessageForMeUpdate,
    EventKind::ContactNumberChanged,
    EventKind::BusinessStatusUpdate,
    EventKind::GroupUpdate,
    EventKind::IncomingCall,
    EventKind::Receipt,
    EventKind::Messages,
    EventKind::UndecryptableMessage,
    EventKind::HistorySync,
    EventKind::Connected,
    EventKind::PairingQrCode,
    EventKind::PairingQrCodesExhausted,
    EventKind::PairingCode,
    EventKind::PairingCodeRefresh,
    EventKind::PairingCodeError,
    EventKind::PairSuccess,
    EventKind::PairError,
    EventKind::PairPasskeyRequest,
    EventKind::LoggedOut,
    EventKind::StreamReplaced,
    EventKind::TemporaryBan,
    EventKind::ClientOutdated,
    EventKind::ConnectFailure,
];

/// Kinds that are read elsewhere: raw stanzas, and contacts (see `actions`).
pub(super) const READ_ELSEWHERE: [EventKind; 2] = [EventKind::RawNode, EventKind::ContactUpdate];

/// Returns whether events of this kind are translated.
pub(super) fn is_translated(kind: EventKind) -> bool {
    KINDS.contains(&kind) || setting::KINDS.contains(&kind)
}

/// Translates an event of the session of `own`. Empty for an irrelevant event.
pub(super) fn translate(event: &Event, own: Option<&Account>) -> Vec<Translated> {
    translated(event, own).unwrap_or_else(|error| vec![Translated::Untranslatable(error)])
}

fn translated(event: &Event, own: Option<&Account>) -> Result<Vec<Translated>, Untranslatable> {
    if let Some(reported) = setting::reported(event) {
        return Ok(reported?.map(Translated::Event).into_iter().collect());
    }
    Ok(match event {
        Event::Receipt(receipt) if is_own_reading(receipt, own) => {
            let (chat, wa_ids) = (jid::from_wire(&receipt.source.chat).ok(), receipt.message_ids.clone());
            let at = receipt.timestamp.timestamp_millis();
            vec![Translated::Event(SessionEvent::ReadOnOtherDevice { chat, wa_ids, at })]
        }
        Event::DeleteChatUpdate(update) => {
            emptied(&update.jid, update.action.message_range.as_option(), update.timestamp.timestamp_millis(), true)?
        }
        Event::ClearChatUpdate(update) => {
            emptied(&update.jid, update.action.message_range.as_option(), update.timestamp.timestamp_millis(), false)?
        }
        Event::DeleteMessageForMeUpdate(update) => deleted_for_me(update)?,
        Event::ContactNumberChanged(update) => contacts::number_changed(update)?,
        Event::BusinessStatusUpdate(update) => contacts::business(update)?,
        Event::GroupUpdate(update) => contacts::group(update)?,
        Event::IncomingCall(call) => calling(call)?,
        // Messages that the durability hook accepted take another path and are acknowledged after the commit. The
        // others, such as those of newsletters, are never delivered again.
        Event::Messages(batch) if batch.hook_committed => Vec::new(),
        Event::Messages(batch) => batch.iter().flat_map(delivered).collect(),
        // Any other is a message when it is decrypted later.
        Event::UndecryptableMessage(it) if matches!(it.unavailable_type, UnavailableType::ViewOnce) => {
            vec![Translated::Event(message::unavailable(&it.info)?)]
        }
        Event::UndecryptableMessage(_) => Vec::new(),
        Event::Connected(_) => vec![Translated::LoggedIn],
        Event::PairingQrCode(code) => {
            vec![Translated::Signal(ConnectionEvent::QrCode { qr: code.code.clone(), valid_for: code.timeout })]
        }
        Event::PairingQrCodesExhausted(exhausted) if exhausted.disconnected => {
            vec![ended(DisconnectReason::PairingTimedOut)]
        }
        Event::PairingQrCodesExhausted(_) => vec![Translated::Signal(ConnectionEvent::NoQrCodeLeft)],
        Event::PairingCode(code) => {
            vec![Translated::Signal(ConnectionEvent::PhoneCode { code: code.code.clone(), valid_for: code.timeout })]
        }
        Event::PairingCodeRefresh(_) | Event::PairingCodeError(_) => {
            vec![Translated::Signal(ConnectionEvent::PhoneCodeVoid)]
        }
        Event::PairSuccess(success) => paired(success),
        Event::PairError(_) => vec![ended(DisconnectReason::PairingFailed("the phone's answer is invalid".into()))],
        Event::PairPasskeyRequest(_) => {
            vec![ended(DisconnectReason::PairingFailed(
                "the account requires a passkey, which is not supported".into(),
            ))]
        }
        Event::LoggedOut(out) => vec![ended(DisconnectReason::LoggedOut(logged_out(out)))],
        Event::StreamReplaced(_) => vec![ended(DisconnectReason::Replaced)],
        Event::TemporaryBan(ban) => {
            let lasts = Duration::from_secs(u64::try_from(ban.expire.num_seconds()).unwrap_or(0));
            vec![ended(DisconnectReason::Banned { reason: ban.code.to_string(), lasts })]
        }
        Event::ClientOutdated(_) => vec![ended(DisconnectReason::Outdated)],
        // The loss of the connection is reported by another event.
        Event::ConnectFailure(failure) if failure.reason.should_reconnect() => Vec::new(),
        Event::ConnectFailure(failure) => {
            let reason = failure.message.clone().unwrap_or_else(|| format!("{:?}", failure.reason));
            vec![ended(if is_permanent(failure.reason) {
                DisconnectReason::Refused(reason)
            } else {
                DisconnectReason::RefusedForNow(reason)
            })]
        }
        other => {
            debug!(kind = ?other.kind(), "Ignored an event");
            Vec::new()
        }
    })
}

fn delivered(inbound: &InboundMessage) -> Vec<Translated> {
    let message = match message::delivered(inbound) {
        Ok(event) => event.map(Translated::Event),
        Err(error) => Some(Translated::Untranslatable(error)),
    };
    message.into_iter().chain(message::business(inbound).map(Translated::Event)).collect()
}

/// Returns whether a rejection concerns the client itself, so that another attempt is pointless. Other and unknown
/// reasons may be temporary.
fn is_permanent(reason: ConnectFailureReason) -> bool {
    matches!(
        reason,
        ConnectFailureReason::BadUserAgent | ConnectFailureReason::ClientUnknown | ConnectFailureReason::NotFound
    )
}

fn ended(ending: DisconnectReason) -> Translated {
    Translated::Signal(ConnectionEvent::Ended(ending))
}

/// A chat was cleared or deleted, up to the message that the range names, or up to its time. WhatsApp's own clients
/// ignore an action without a range.
fn emptied(
    chat: &whatsapp_rust::Jid,
    range: Option<&SyncActionMessageRange>,
    as_of: i64,
    deleted: bool,
) -> Result<Vec<Translated>, Untranslatable> {
    let chat = jid::from_wire(chat)?;
    let up_to = setting::up_to(range, "clear or delete");
    let cleared = up_to.map(|up_to| SessionEvent::ChatCleared { chat, up_to, as_of, deleted });
    Ok(cleared.map(Translated::Event).into_iter().collect())
}

/// Translates the deletion of one message for the user. Baileys does not name the author of a group's
/// message; the chat then stands for the author, as in a direct chat.
fn deleted_for_me(update: &DeleteMessageForMeUpdate) -> Result<Vec<Translated>, Untranslatable> {
    let chat = jid::from_wire(&update.chat_jid)?;
    let sender = update.participant_jid.as_ref().map(jid::from_wire).transpose()?.unwrap_or_else(|| chat.clone());
    // A message is older than its deletion.
    let sent_at = update.action.message_timestamp.map_or(update.timestamp.timestamp_millis(), setting::milliseconds);
    let rewrite = MessageUpdate::DeletionForMe { sent_at };
    let rewriting = UpdatedMessage { chat, wa_id: update.message_id.clone(), sender, from_me: update.from_me, rewrite };
    Ok(vec![Translated::Event(SessionEvent::MessageUpdated(rewriting))])
}

/// Returns whether a receipt shows that the user read or played messages on another device. With read
/// receipts enabled (the default), that is an ordinary read receipt from the account itself. With read receipts
/// disabled, it has a type of its own.
fn is_own_reading(receipt: &Receipt, own: Option<&Account>) -> bool {
    match receipt.r#type {
        ReceiptType::ReadSelf | ReceiptType::PlayedSelf => true,
        ReceiptType::Read | ReceiptType::Played => {
            let reader = jid::from_wire(&receipt.source.sender);
            reader.is_ok_and(|reader| own.is_some_and(|own| own.has(&reader)))
        }
        _ => false,
    }
}

/// Translates the start and the end of ringing; other call events are ignored. A call that was offered while the
/// session was offline no longer rings.
fn calling(call: &IncomingCall) -> Result<Vec<Translated>, Untranslatable> {
    if let CallAction::Terminate { call_id, .. } = &call.action {
        return Ok(vec![Translated::Event(SessionEvent::CallEnded { call: call_id.clone() })]);
    }
    let CallAction::Offer { call_id, is_video, group_jid, .. } = &call.action else { return Ok(Vec::new()) };
    if call.offline {
        return Ok(Vec::new());
    }
    let (id, from) = (call_id.clone(), jid::from_wire(&call.from)?);
    let group = group_jid.as_ref().map(jid::from_wire).transpose()?;
    let call = Call { id, from, video: *is_video, group, at: call.timestamp.timestamp_millis() };
    Ok(vec![Translated::Event(SessionEvent::CallOffered(call))])
}

fn paired(success: &PairSuccess) -> Vec<Translated> {
    let Ok(jid) = jid::from_wire(&success.id) else {
        return vec![ended(DisconnectReason::PairingFailed("the account's address is not a phone number".into()))];
    };
    let lid = jid::from_wire(&success.lid).ok();
    vec![Translated::Paired(Account { jid, lid })]
}

fn logged_out(out: &LoggedOut) -> StatusReason {
    match out.reason {
        ConnectFailureReason::AccountLocked => {
            StatusReason::new(StatusCode::AccountLocked, "WhatsApp locked the account")
        }
        _ if out.on_connect => {
            StatusReason::new(StatusCode::Unlinked, "WhatsApp no longer knows this device; link it again")
        }
        _ => StatusReason::unlinked(),
    }
}

#[cfg(test)]
mod tests;
