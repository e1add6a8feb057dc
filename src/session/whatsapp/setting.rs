//! The settings on the wire: the event that reports each of them, and the app-state action that sets it.

use tracing::debug;
use whatsapp_rust::{
    message_key, message_range,
    schemas::{self, Schema},
    types::events::{Event, EventKind, MuteUpdate},
    wacore::chrono::{DateTime, Utc},
    waproto::whatsapp::{
        SyncActionValue,
        sync_action_value::{ArchiveChatAction, MarkChatAsReadAction, MuteAction, PinAction, SyncActionMessageRange},
    },
};

use super::jid::{self, Untranslatable};
use crate::{
    domain::{
        clock::FOREVER, jid::JidKind, message_marker::MessageMarker, pending_action::PendingAction,
        setting::SettingValue,
    },
    session::SessionEvent,
};

/// WhatsApp's value for a mute without end.
const WIRE_FOREVER: i64 = -1;

/// Limit that distinguishes seconds from milliseconds: early 1973 in milliseconds, the year 5138 in seconds. All times
/// in WhatsApp's app state are after the first and before the second.
const SECONDS_BELOW: i64 = 100_000_000_000;
/// Maximum number of messages of one second that are read from a range.
const MAX_NAMED_MESSAGES: usize = 100;

/// Kinds of events that report a setting.
pub(super) const KINDS: [EventKind; 4] =
    [EventKind::ArchiveUpdate, EventKind::PinUpdate, EventKind::MuteUpdate, EventKind::MarkChatAsReadUpdate];

/// One setting as the library sends it.
pub(super) struct Command {
    /// The setting and its collection.
    pub(super) schema: &'static Schema,
    /// The chat.
    pub(super) chat: String,
    /// The value with its timestamp.
    pub(super) value: SyncActionValue,
}

/// Translates an event that reports a setting; `None` for any other event. The inner `None` is an action that
/// WhatsApp's own clients ignore.
pub(super) fn reported(event: &Event) -> Option<Result<Option<SessionEvent>, Untranslatable>> {
    Some(match event {
        Event::ArchiveUpdate(update) => {
            let value = SettingValue::Archived(update.action.archived.unwrap_or(false));
            let up_to = up_to(update.action.message_range.as_option(), "archive");
            up_to
                .map(|up_to| setting(&update.jid, value, Some(up_to), update.timestamp, update.from_full_sync))
                .transpose()
        }
        Event::PinUpdate(update) => {
            let value = SettingValue::Pinned(update.action.pinned.unwrap_or(false));
            setting(&update.jid, value, None, update.timestamp, update.from_full_sync).map(Some)
        }
        Event::MuteUpdate(update) => {
            let value = muted_until(update).map(SettingValue::MutedUntil);
            value.map(|value| setting(&update.jid, value, None, update.timestamp, update.from_full_sync)).transpose()
        }
        Event::MarkChatAsReadUpdate(update) => {
            let value = SettingValue::Read(update.action.read.unwrap_or(false));
            let up_to = up_to(update.action.message_range.as_option(), "mark");
            up_to
                .map(|up_to| setting(&update.jid, value, Some(up_to), update.timestamp, update.from_full_sync))
                .transpose()
        }
        _ => return None,
    })
}

fn setting(
    chat: &whatsapp_rust::Jid,
    value: SettingValue,
    up_to: Option<MessageMarker>,
    at: DateTime<Utc>,
    replayed: bool,
) -> Result<SessionEvent, Untranslatable> {
    let chat = jid::from_wire(chat)?;
    Ok(SessionEvent::Setting { chat, value, as_of: at.timestamp_millis(), up_to, replayed })
}

/// Translates an action as of `now`, in milliseconds: a mute that ended while the action waited becomes an unmute.
///
/// The timestamp is the time of the request. The library's own calls use the time of sending, so that an action that
/// waited would override later changes of the phone.
pub(super) fn command(action: &PendingAction, now: i64) -> Command {
    let mut value = SyncActionValue { timestamp: Some(action.requested_at), ..SyncActionValue::default() };
    let schema = match action.desired {
        SettingValue::Pinned(pinned) => {
            value.pin_action = Some(PinAction { pinned: Some(pinned) }).into();
            &schemas::PIN
        }
        SettingValue::MutedUntil(until) => {
            let until = until.filter(|until| *until > now);
            let end = until.map_or(0, |until| if until >= FOREVER { WIRE_FOREVER } else { until });
            let mute =
                MuteAction { muted: Some(until.is_some()), mute_end_timestamp: Some(end), ..MuteAction::default() };
            value.mute_action = Some(mute).into();
            &schemas::MUTE
        }
        SettingValue::Read(read) => {
            let read = MarkChatAsReadAction { read: Some(read), message_range: Some(range(action)).into() };
            value.mark_chat_as_read_action = Some(read).into();
            &schemas::MARK_CHAT_AS_READ
        }
        SettingValue::Archived(archived) => {
            let archive = ArchiveChatAction { archived: Some(archived), message_range: Some(range(action)).into() };
            value.archive_chat_action = Some(archive).into();
            &schemas::ARCHIVE
        }
    };
    Command { schema, chat: action.address.to_string(), value }
}

/// Message range of the action, in seconds; up to the action's own time if no message is stored. WhatsApp's own clients
/// ignore an action without a range.
fn range(action: &PendingAction) -> SyncActionMessageRange {
    let Some(last) = action.range.as_ref() else {
        return message_range(action.requested_at.div_euclid(1000), None, Vec::new());
    };
    let chat = jid::to_wire(&action.address);
    let sender = jid::to_wire(&last.sender);
    // WhatsApp names the sender only if the chat does not determine it.
    let participant = (action.address.kind() == JidKind::Group && !last.from_me).then_some(&sender);
    let key = message_key(last.wa_id.clone(), &chat, last.from_me, participant);
    let at = last.at.div_euclid(1000);
    message_range(at, None, vec![(key, at)])
}

/// Returns the last messages that the range of an action names. `None` without a range: WhatsApp's own clients ignore
/// such an action.
pub(super) fn up_to(range: Option<&SyncActionMessageRange>, action: &'static str) -> Option<MessageMarker> {
    let up_to = range.and_then(last_of);
    if up_to.is_none() {
        debug!(action, "Ignored an action without a message range");
    }
    up_to
}

/// Returns the last messages that a range names; `None` if it has no time. Its times are seconds, or milliseconds in
/// some clients; Baileys only sends the time of the last message.
fn last_of(range: &SyncActionMessageRange) -> Option<MessageMarker> {
    let last = range.last_message_timestamp?;
    let named =
        range.messages.iter().filter(|message| message.timestamp.is_none_or(|at| at == last)).take(MAX_NAMED_MESSAGES);
    let wa_ids = named.filter_map(|message| message.key.as_option()?.id.clone()).collect();
    Some(MessageMarker { at: milliseconds(last), wa_ids })
}

/// Returns the time of a message in a setting in milliseconds. It has whole seconds, in either unit.
pub(super) fn milliseconds(at: i64) -> i64 {
    if at < SECONDS_BELOW { at.saturating_mul(1000) } else { at - at.rem_euclid(1000) }
}

/// Returns the end of a mute; the outer `None` if the update lacks it, which WhatsApp's own clients ignore.
#[expect(clippy::option_option, reason = "a missing end differs from null")]
fn muted_until(update: &MuteUpdate) -> Option<Option<i64>> {
    if update.action.muted.unwrap_or(false) { update.action.mute_end_timestamp.map(mute_end) } else { Some(None) }
}

/// Converts the end of a mute into milliseconds. WhatsApp uses seconds in some places and milliseconds in others, a
/// negative number for a mute without end, and zero for no mute.
pub(super) fn mute_end(end: i64) -> Option<i64> {
    match end {
        0 => None,
        ..0 => Some(FOREVER),
        1..SECONDS_BELOW => Some(end * 1000),
        SECONDS_BELOW.. => Some(end.min(FOREVER)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        id::{ChatId, SessionId},
        message::MessageRange,
    };

    const NOW: i64 = 1_700_000_100_000;

    fn action(address: &str, desired: SettingValue) -> PendingAction {
        PendingAction {
            organization: "org_1".parse().unwrap(),
            session: SessionId::new(1),
            chat: ChatId::new(1),
            address: address.parse().unwrap(),
            version: 1,
            desired,
            base: desired,
            base_as_of: 0,
            unread: 0,
            requested_at: 1_700_000_000_000,
            range: Some(MessageRange {
                wa_id: "3EB0".into(),
                from_me: false,
                sender: "15550100002@s.whatsapp.net".parse().unwrap(),
                at: 1_699_999_999_999,
            }),
            read_before: None,
        }
    }

    #[test]
    fn an_action_is_dated_with_its_request() {
        let command = command(&action("15550100001@s.whatsapp.net", SettingValue::Pinned(true)), NOW);
        assert_eq!(command.schema.name, schemas::PIN.name);
        assert_eq!(command.chat, "15550100001@s.whatsapp.net");
        assert_eq!(command.value.timestamp, Some(1_700_000_000_000));
        assert_eq!(command.value.pin_action.as_option().unwrap().pinned, Some(true));
    }

    #[test]
    fn a_mute_is_until_then_for_ever_or_over() {
        let mute = |until| {
            let command = command(&action("15550100001@s.whatsapp.net", SettingValue::MutedUntil(until)), NOW);
            let mute = command.value.mute_action.as_option().unwrap().clone();
            (mute.muted, mute.mute_end_timestamp)
        };
        assert_eq!(mute(Some(NOW + 1)), (Some(true), Some(NOW + 1)));
        assert_eq!(mute(Some(FOREVER)), (Some(true), Some(-1)));
        assert_eq!(mute(Some(NOW)), (Some(false), Some(0)), "the mute ended while the setting waited");
        assert_eq!(mute(None), (Some(false), Some(0)));
    }

    #[test]
    fn an_action_on_an_empty_chat_reaches_up_to_its_own_time() {
        for desired in [SettingValue::Read(true), SettingValue::Read(false), SettingValue::Archived(true)] {
            let action = PendingAction { range: None, ..action("15550100001@s.whatsapp.net", desired) };
            let value = command(&action, NOW).value;
            let archive = value.archive_chat_action.as_option().map(|archive| archive.message_range.clone());
            let read = value.mark_chat_as_read_action.as_option().map(|read| read.message_range.clone());
            let range = archive.or(read).expect("an archive or read action");
            let range = range.as_option().expect("a range");
            assert_eq!((range.last_message_timestamp, range.messages.len()), (Some(1_700_000_000), 0), "{desired:?}");
        }
    }

    #[test]
    fn archiving_and_reading_reach_up_to_the_last_message() {
        let command = command(&action("120363000000000001@g.us", SettingValue::Archived(true)), NOW);
        let archive = command.value.archive_chat_action.as_option().unwrap();
        assert_eq!(archive.archived, Some(true));
        let range = archive.message_range.as_option().unwrap();
        assert_eq!(range.last_message_timestamp, Some(1_699_999_999));
        let key = range.messages[0].key.as_option().unwrap();
        assert_eq!(key.id.as_deref(), Some("3EB0"));
        assert_eq!(key.participant.as_deref(), Some("15550100002@s.whatsapp.net"));

        let command = super::command(&action("15550100002@s.whatsapp.net", SettingValue::Read(false)), NOW);
        let read = command.value.mark_chat_as_read_action.as_option().unwrap();
        assert_eq!(read.read, Some(false));
        let range = read.message_range.as_option().unwrap();
        assert_eq!(range.messages[0].key.as_option().unwrap().participant, None);
    }
}
