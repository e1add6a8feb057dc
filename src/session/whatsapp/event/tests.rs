//! Tests of the translation of library events.

use std::{sync::Arc, time::Duration};

use whatsapp_rust::{
    types::{
        events::{
            ArchiveUpdate, BatchOrigin, ClearChatUpdate, ClientOutdated, ConnectFailure, Connected, DeleteChatUpdate,
            GroupUpdate, InboundMessage, MarkChatAsReadUpdate, MessageBatch, MuteUpdate, OfflineSyncCompleted,
            PairError, PairingCode, PairingCodeRefresh, PairingQrCode, PairingQrCodesExhausted, PinUpdate, Receipt,
            StreamReplaced, TempBanReason, TemporaryBan,
        },
        message::{MessageInfo, MessageSource},
    },
    wacore::{
        chrono::{DateTime, TimeDelta, Utc},
        stanza::groups::GroupNotificationAction,
    },
    waproto::whatsapp::{Message, sync_action_value as wire},
};

use super::*;
use crate::domain::{clock::FOREVER, jid::Jid, message_marker::MessageMarker, setting::SettingValue};

const AT: i64 = 1_700_000_000_123;
const CHAT: &str = "15550100001@s.whatsapp.net";

/// The account's own number and LID.
const OWN: [&str; 2] = ["15550100000@s.whatsapp.net", "100000000000009@lid"];

fn translate(event: &Event) -> Vec<Translated> {
    let own = Account { jid: jid(OWN[0]), lid: Some(jid(OWN[1])) };
    super::translate(event, Some(&own))
}

fn wire_jid(text: &str) -> whatsapp_rust::Jid {
    text.parse().unwrap()
}

fn jid(text: &str) -> Jid {
    text.parse().unwrap()
}

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(AT).unwrap()
}

fn setting_of(value: SettingValue) -> Vec<Translated> {
    vec![Translated::Event(SessionEvent::Setting { chat: jid(CHAT), value, as_of: AT, up_to: None, replayed: false })]
}

fn archive(chat: &str, archived: Option<bool>) -> Event {
    let range = whatsapp_rust::message_range(1_700_000_000, None, Vec::new());
    let action = wire::ArchiveChatAction { archived, message_range: range.into() };
    let update = ArchiveUpdate::builder().jid(wire_jid(chat)).timestamp(at());
    Event::ArchiveUpdate(update.action(Box::new(action)).from_full_sync(false).build())
}

fn archived(chat: &str, archived: bool) -> Vec<Translated> {
    let (value, up_to) =
        (SettingValue::Archived(archived), Some(MessageMarker { at: 1_700_000_000_000, wa_ids: Vec::new() }));
    vec![Translated::Event(SessionEvent::Setting { chat: jid(chat), value, as_of: AT, up_to, replayed: false })]
}

#[test]
fn archiving_is_a_setting_with_its_time_and_range() {
    assert_eq!(translate(&archive(CHAT, Some(true))), archived(CHAT, true));
    assert_eq!(translate(&archive(CHAT, None)), archived(CHAT, false));
}

#[test]
fn a_chat_at_any_server_has_its_setting_or_an_error() {
    for (chat, kept) in [
        ("15550100001@hosted", CHAT),
        ("100000000000001@hosted.lid", "100000000000001@lid"),
        ("867051314767696@bot", "867051314767696@bot"),
        ("sam@interop", "sam@interop"),
        ("100000000000001@msgr", "100000000000001@msgr"),
    ] {
        assert_eq!(translate(&archive(chat, Some(true))), archived(kept, true), "{chat}");
    }
    let [Translated::Untranslatable(error)] = &translate(&archive("15550100001@call", Some(true)))[..] else {
        panic!("an error")
    };
    assert_eq!(error.server, Some(whatsapp_rust::Server::Call));
}

#[test]
fn pinning_is_a_setting() {
    let action = wire::PinAction { pinned: Some(true) };
    let update = PinUpdate::builder().jid(wire_jid(CHAT)).timestamp(at());
    let event = Event::PinUpdate(update.action(Box::new(action)).from_full_sync(true).build());
    let all_it_has = SessionEvent::Setting {
        chat: jid(CHAT),
        value: SettingValue::Pinned(true),
        as_of: AT,
        up_to: None,
        replayed: true,
    };
    assert_eq!(translate(&event), [Translated::Event(all_it_has)]);
}

#[test]
fn a_mute_has_an_end_or_is_permanent_or_over() {
    let mute = |muted, end| {
        let action = wire::MuteAction { muted, mute_end_timestamp: end, ..wire::MuteAction::default() };
        let update = MuteUpdate::builder().jid(wire_jid(CHAT)).timestamp(at());
        translate(&Event::MuteUpdate(update.action(Box::new(action)).from_full_sync(false).build()))
    };
    let until = |until| setting_of(SettingValue::MutedUntil(until));
    assert_eq!(mute(Some(true), Some(1_800_000_000_000)), until(Some(1_800_000_000_000)));
    assert_eq!(mute(Some(true), Some(1_800_000_000)), until(Some(1_800_000_000_000)), "seconds");
    assert_eq!(mute(Some(true), Some(-1)), until(Some(FOREVER)));
    assert_eq!(mute(Some(true), None), [], "WhatsApp's own clients ignore it");
    assert_eq!(mute(Some(true), Some(i64::MAX)), until(Some(FOREVER)));
    assert_eq!(mute(Some(true), Some(0)), until(None));
    assert_eq!(mute(Some(false), Some(1_800_000_000_000)), until(None));
    assert_eq!(mute(None, None), until(None));
}

#[test]
fn marking_as_read_and_as_unread_is_a_setting() {
    for read in [true, false] {
        let range = whatsapp_rust::message_range(1_700_000_000, None, Vec::new());
        let action = wire::MarkChatAsReadAction { read: Some(read), message_range: range.into() };
        let up_to = Some(MessageMarker { at: 1_700_000_000_000, wa_ids: Vec::new() });
        let (chat, value) = (jid(CHAT), SettingValue::Read(read));
        let setting = SessionEvent::Setting { chat, value, as_of: AT, up_to, replayed: false };
        assert_eq!(marked(action), [Translated::Event(setting)]);
    }
}

fn marked(action: wire::MarkChatAsReadAction) -> Vec<Translated> {
    let update = MarkChatAsReadUpdate::builder().jid(wire_jid(CHAT)).timestamp(at());
    translate(&Event::MarkChatAsReadUpdate(update.action(Box::new(action)).from_full_sync(false).build()))
}

#[test]
fn archiving_and_marking_without_a_range_is_ignored() {
    for range in [None, Some(wire::SyncActionMessageRange::default())] {
        for set in [true, false] {
            let mark = wire::MarkChatAsReadAction { read: Some(set), message_range: range.clone().into() };
            assert_eq!(marked(mark), []);
            let archive = wire::ArchiveChatAction { archived: Some(set), message_range: range.clone().into() };
            let update = ArchiveUpdate::builder().jid(wire_jid(CHAT)).timestamp(at());
            let update = update.action(Box::new(archive)).from_full_sync(false).build();
            assert_eq!(translate(&Event::ArchiveUpdate(update)), []);
        }
    }
}

#[test]
fn reading_reaches_up_to_the_last_messages_of_its_range() {
    // Seconds, and the milliseconds of some clients; with a time for each message, and with one for the last only.
    for (unit, timed) in [(1, true), (1000, true), (1, false)] {
        let message = |id: &str, timestamp: i64| wire::SyncActionMessage {
            key: whatsapp_rust::message_key(id, &wire_jid(CHAT), false, None).into(),
            timestamp: timed.then_some(timestamp * unit),
        };
        let all = [message("A", 1_699_999_999), message("B", 1_700_000_000), message("C", 1_700_000_000)];
        let range = wire::SyncActionMessageRange {
            last_message_timestamp: Some(1_700_000_000 * unit),
            messages: all.into_iter().skip(usize::from(!timed)).collect(),
            ..wire::SyncActionMessageRange::default()
        };
        let action = wire::MarkChatAsReadAction { read: Some(true), message_range: range.into() };
        let update = MarkChatAsReadUpdate::builder().jid(wire_jid(CHAT)).timestamp(at());
        let event = Event::MarkChatAsReadUpdate(update.action(Box::new(action)).from_full_sync(false).build());
        let up_to = Some(MessageMarker { at: 1_700_000_000_000, wa_ids: vec!["B".into(), "C".into()] });
        let (chat, value) = (jid(CHAT), SettingValue::Read(true));
        let read = SessionEvent::Setting { chat, value, as_of: AT, up_to, replayed: false };
        assert_eq!(translate(&event), [Translated::Event(read)], "{unit}");
    }
}

#[test]
fn a_chat_is_cleared_up_to_a_ranges_end_and_only_with_a_range() {
    let emptied = |at: Option<i64>| {
        let range = at.map(|at| whatsapp_rust::message_range(at, None, Vec::new()));
        let clear = wire::ClearChatAction { message_range: range.clone().into() };
        let update = ClearChatUpdate::builder().jid(wire_jid(CHAT)).delete_starred(true).delete_media(true);
        let cleared =
            Event::ClearChatUpdate(update.timestamp(self::at()).action(Box::new(clear)).from_full_sync(false).build());
        let delete = wire::DeleteChatAction { message_range: range.into() };
        let update = DeleteChatUpdate::builder().jid(wire_jid(CHAT)).delete_media(true);
        let deleted = Event::DeleteChatUpdate(
            update.timestamp(self::at()).action(Box::new(delete)).from_full_sync(false).build(),
        );
        [translate(&cleared), translate(&deleted)].concat()
    };
    let told = |deleted| {
        let up_to = MessageMarker { at: 1_700_000_000_000, wa_ids: Vec::new() };
        Translated::Event(SessionEvent::ChatCleared { chat: jid(CHAT), up_to, as_of: AT, deleted })
    };
    assert_eq!(emptied(Some(1_700_000_000)), [told(false), told(true)]);
    assert_eq!(emptied(None), []);
}

#[test]
fn only_read_receipts_of_own_devices_are_events() {
    const GROUP: &str = "120363000000000001@g.us";
    let told = |kind, chat, sender| {
        let source = MessageSource { chat: wire_jid(chat), sender: wire_jid(sender), ..MessageSource::default() };
        let receipt = Receipt::builder().message_ids(vec!["A".into(), "B".into()]).source(source).timestamp(at());
        translate(&Event::Receipt(receipt.r#type(kind).offline(false).build()))
    };
    let read = |chat| {
        let wa_ids = vec!["A".into(), "B".into()];
        [Translated::Event(SessionEvent::ReadOnOtherDevice { chat: Some(jid(chat)), wa_ids, at: AT })]
    };
    // With read receipts disabled.
    for kind in [ReceiptType::ReadSelf, ReceiptType::PlayedSelf] {
        assert_eq!(told(kind.clone(), CHAT, CHAT), read(CHAT), "{kind:?}");
        assert_eq!(told(kind, OWN[0], OWN[0]), read(OWN[0]));
    }
    // With read receipts, by number or LID, from the phone or another companion.
    for kind in [ReceiptType::Read, ReceiptType::Played] {
        for (own, device) in [(OWN[0], "15550100000:7@s.whatsapp.net"), (OWN[1], "100000000000009:7@lid")] {
            for sender in [own, device] {
                assert_eq!(told(kind.clone(), own, sender), read(own), "{kind:?} from {sender}");
                assert_eq!(told(kind.clone(), GROUP, sender), read(GROUP), "{kind:?} from {sender} in a group");
            }
        }
        assert_eq!(told(kind.clone(), CHAT, CHAT), []);
        assert_eq!(told(kind, GROUP, CHAT), []);
    }
    for kind in [ReceiptType::Delivered, ReceiptType::Sender, ReceiptType::Inactive] {
        assert_eq!(told(kind, OWN[0], OWN[0]), []);
    }
}

#[test]
fn a_group_gets_its_subject() {
    let group = |action| {
        let update = GroupUpdate::builder().group_jid(wire_jid("120363000000000001@g.us")).timestamp(at());
        translate(&Event::GroupUpdate(update.is_lid_addressing_mode(false).action(action).build()))
    };
    let subject = GroupNotificationAction::Subject {
        subject: "Harbour festival".into(),
        subject_owner: None,
        subject_time: None,
    };
    let named = SessionEvent::GroupNamed { jid: jid("120363000000000001@g.us"), subject: "Harbour festival".into() };
    assert_eq!(group(subject), [Translated::Event(named)]);
    assert_eq!(group(GroupNotificationAction::Unlocked), []);
}

fn batch(hook_committed: bool) -> Event {
    let info = MessageInfo {
        id: "3EB0".into(),
        timestamp: at(),
        source: MessageSource { chat: wire_jid(CHAT), sender: wire_jid(CHAT), ..MessageSource::default() },
        ..MessageInfo::default()
    };
    let message = Message { conversation: Some("hello".into()), ..Message::default() };
    let inbound = InboundMessage::builder().message(Arc::new(message)).info(Arc::new(info)).build();
    let messages: Arc<[InboundMessage]> = [inbound].into();
    let batch = MessageBatch::builder().messages(messages).origin(BatchOrigin::Live);
    Event::Messages(batch.hook_committed(hook_committed).build())
}

#[test]
fn a_message_the_hook_took_is_not_taken_twice() {
    assert_eq!(translate(&batch(true)), []);
    assert!(matches!(translate(&batch(false))[..], [Translated::Event(SessionEvent::Message(_))]));
}

#[test]
fn pairing_shows_codes_and_ends_well_or_not() {
    let code = PairingQrCode::builder().code("2@one".into()).timeout(Duration::from_mins(1)).build();
    let shown = ConnectionEvent::QrCode { qr: "2@one".into(), valid_for: Duration::from_mins(1) };
    assert_eq!(translate(&Event::PairingQrCode(code)), [Translated::Signal(shown)]);

    let code = PairingCode::builder().code("ABCD1234".into()).timeout(Duration::from_mins(3)).build();
    let shown = ConnectionEvent::PhoneCode { code: "ABCD1234".into(), valid_for: Duration::from_mins(3) };
    assert_eq!(translate(&Event::PairingCode(code)), [Translated::Signal(shown)]);
    let refresh = PairingCodeRefresh::builder().force_manual(false).build();
    assert_eq!(translate(&Event::PairingCodeRefresh(refresh)), [Translated::Signal(ConnectionEvent::PhoneCodeVoid)]);
    let waits = PairingQrCodesExhausted::builder().disconnected(false).build();
    assert_eq!(translate(&Event::PairingQrCodesExhausted(waits)), [Translated::Signal(ConnectionEvent::NoQrCodeLeft)]);
    let exhausted = PairingQrCodesExhausted::builder().disconnected(true).build();
    assert_eq!(translate(&Event::PairingQrCodesExhausted(exhausted)), [ended(DisconnectReason::PairingTimedOut)]);

    let paired = PairSuccess::builder()
        .id(wire_jid("15550100000:3@s.whatsapp.net"))
        .lid(wire_jid("100000000000000:3@lid"))
        .business_name(String::new())
        .platform("android".into())
        .build();
    let account = Account { jid: jid("15550100000@s.whatsapp.net"), lid: Some(jid("100000000000000@lid")) };
    assert_eq!(translate(&Event::PairSuccess(paired)), [Translated::Paired(account)]);

    let error = PairError::builder()
        .id(wire_jid(CHAT))
        .lid(wire_jid("100000000000000@lid"))
        .business_name(String::new())
        .platform(String::new())
        .error("15550100000 was not believed".into())
        .build();
    let heard = translate(&Event::PairError(error));
    assert!(
        matches!(&heard[..], [Translated::Signal(ConnectionEvent::Ended(DisconnectReason::PairingFailed(reason)))] if !reason.contains("1555"))
    );
}

#[test]
fn a_connection_comes() {
    assert_eq!(translate(&Event::Connected(Connected::builder().build())), [Translated::LoggedIn]);
}

#[test]
fn a_connection_ends_for_a_reason() {
    let out = |on_connect, reason| LoggedOut::builder().on_connect(on_connect).reason(reason).build();
    for (out, word) in [
        (out(false, ConnectFailureReason::LoggedOut), "unlinked"),
        (out(true, ConnectFailureReason::LoggedOut), "no longer knows"),
        (out(true, ConnectFailureReason::AccountLocked), "locked"),
    ] {
        let heard = translate(&Event::LoggedOut(out));
        assert!(
            matches!(&heard[..], [Translated::Signal(ConnectionEvent::Ended(DisconnectReason::LoggedOut(reason)))] if reason.words.contains(word)),
            "{heard:?}"
        );
    }
    let replaced = Event::StreamReplaced(StreamReplaced::builder().build());
    assert_eq!(translate(&replaced), [ended(DisconnectReason::Replaced)]);
    let outdated = Event::ClientOutdated(ClientOutdated::builder().build());
    assert_eq!(translate(&outdated), [ended(DisconnectReason::Outdated)]);
    let ban = TemporaryBan::builder().code(TempBanReason::BlockedByUsers).expire(TimeDelta::hours(2)).build();
    let heard = translate(&Event::TemporaryBan(ban));
    assert!(
        matches!(&heard[..], [Translated::Signal(ConnectionEvent::Ended(DisconnectReason::Banned { lasts, .. }))] if lasts.as_secs() == 7_200),
        "{heard:?}"
    );
}

#[test]
fn a_connect_failure_is_a_rejection_unless_a_retry_may_help() {
    let failure = |reason| translate(&Event::ConnectFailure(ConnectFailure::builder().reason(reason).build()));
    assert_eq!(failure(ConnectFailureReason::ServiceUnavailable), []);
    let heard = failure(ConnectFailureReason::BadUserAgent);
    assert!(
        matches!(&heard[..], [Translated::Signal(ConnectionEvent::Ended(DisconnectReason::Refused(_)))]),
        "{heard:?}"
    );
    for passing in [400, 429, 501, 502, 599] {
        let heard = failure(ConnectFailureReason::from(passing));
        assert!(
            matches!(&heard[..], [Translated::Signal(ConnectionEvent::Ended(DisconnectReason::RefusedForNow(_)))]),
            "{passing}: {heard:?}"
        );
    }
}

#[test]
fn irrelevant_events_are_ignored() {
    let event = Event::OfflineSyncCompleted(OfflineSyncCompleted::builder().count(3).build());
    assert_eq!(translate(&event), []);
}
