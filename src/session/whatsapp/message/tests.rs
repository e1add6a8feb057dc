//! Tests of the selection and translation of messages.

use std::sync::Arc;

use whatsapp_rust::{
    types::message::{EditAttribute, MessageSource},
    wacore::chrono::DateTime,
    waproto::whatsapp::{MessageContextInfo, MessageKey, message as wire},
};

use super::*;

const CHAT: &str = "15550100001@s.whatsapp.net";
const OWN: &str = "15550100000@s.whatsapp.net";
const GROUP: &str = "120363000000000001@g.us";

fn delivered(inbound: &InboundMessage) -> Option<IncomingMessage> {
    match super::delivered(inbound).expect("addresses")? {
        SessionEvent::Message(message) => Some(message),
        other => panic!("no message: {other:?}"),
    }
}

fn text(text: &str) -> Message {
    Message { conversation: Some(text.into()), ..Message::default() }
}

fn info(chat: &str, sender: &str, from_me: bool) -> MessageInfo {
    MessageInfo {
        id: "3EB0".into(),
        push_name: "mei".into(),
        timestamp: DateTime::from_timestamp_millis(1_700_000_000_000).unwrap(),
        source: MessageSource {
            chat: chat.parse().unwrap(),
            sender: sender.parse().unwrap(),
            is_from_me: from_me,
            is_group: chat.ends_with("@g.us"),
            ..MessageSource::default()
        },
        ..MessageInfo::default()
    }
}

fn inbound(info: MessageInfo, message: Message) -> InboundMessage {
    InboundMessage::builder().message(Arc::new(message)).info(Arc::new(info)).build()
}

#[test]
fn a_contact_writes() {
    let message = delivered(&inbound(info(CHAT, CHAT, false), text("hello")));
    assert_eq!(
        message,
        Some(IncomingMessage {
            chat: CHAT.parse().unwrap(),
            wa_id: "3EB0".into(),
            sender: CHAT.parse().unwrap(),
            sender_name: Some("mei".into()),
            from_me: false,
            kind: MessageKind::Text,
            text: Some("hello".into()),
            at: 1_700_000_000_000,
        })
    );
}

#[test]
fn an_own_message_from_another_device_has_no_senders_name() {
    let message = delivered(&inbound(info(CHAT, "15550100000:2@s.whatsapp.net", true), text("hi"))).unwrap();
    assert_eq!((message.from_me, message.sender_name), (true, None));
    assert_eq!(message.sender, OWN.parse().unwrap());
    assert_eq!(message.chat, CHAT.parse().unwrap());
}

#[test]
fn a_member_writes_in_a_group() {
    let message = delivered(&inbound(info(GROUP, CHAT, false), text("all aboard"))).unwrap();
    assert_eq!((message.chat, message.sender), (GROUP.parse().unwrap(), CHAT.parse().unwrap()));
}

#[test]
fn peer_messages_are_not_chat_messages() {
    let peer = MessageInfo { category: MessageCategory::Peer, ..info(OWN, OWN, true) };
    assert_eq!(delivered(&inbound(peer, text("keys"))), None);
}

#[test]
fn each_kind_is_known_and_has_its_text() {
    let cases = [
        (
            Message {
                extended_text_message: Some(wire::ExtendedTextMessage {
                    text: Some("see https://example.org".into()),
                    ..Default::default()
                })
                .into(),
                ..Default::default()
            },
            MessageKind::Text,
            Some("see https://example.org"),
        ),
        (
            Message {
                image_message: Some(wire::ImageMessage { caption: Some("the harbour".into()), ..Default::default() })
                    .into(),
                ..Default::default()
            },
            MessageKind::Image,
            Some("the harbour"),
        ),
        (
            Message { video_message: Some(wire::VideoMessage::default()).into(), ..Default::default() },
            MessageKind::Video,
            None,
        ),
        (
            Message { audio_message: Some(wire::AudioMessage::default()).into(), ..Default::default() },
            MessageKind::Audio,
            None,
        ),
        (
            Message { document_message: Some(wire::DocumentMessage::default()).into(), ..Default::default() },
            MessageKind::Document,
            None,
        ),
        (
            Message { sticker_message: Some(wire::StickerMessage::default()).into(), ..Default::default() },
            MessageKind::Sticker,
            None,
        ),
        (
            Message { live_location_message: Some(wire::LiveLocationMessage::default()).into(), ..Default::default() },
            MessageKind::Location,
            None,
        ),
        (
            Message { contact_message: Some(wire::ContactMessage::default()).into(), ..Default::default() },
            MessageKind::Contact,
            None,
        ),
        (
            Message {
                poll_creation_message_v3: Some(wire::PollCreationMessage::default()).into(),
                ..Default::default()
            },
            MessageKind::Poll,
            None,
        ),
        (
            Message { call_log_messsage: Some(wire::CallLogMessage::default()).into(), ..Default::default() },
            MessageKind::Call,
            None,
        ),
        (
            Message { product_message: Some(wire::ProductMessage::default()).into(), ..Default::default() },
            MessageKind::Other,
            None,
        ),
    ];
    for (message, kind, text) in cases {
        assert_eq!(content(&message), Some((kind, text.map(str::to_owned))), "{kind:?}");
    }
}

#[test]
fn a_message_in_an_envelope_is_what_is_inside() {
    let envelope = wire::FutureProofMessage { message: Some(text("gone in a day")).into() };
    let message = Message { ephemeral_message: Some(envelope).into(), ..Message::default() };
    assert_eq!(content(&message), Some((MessageKind::Text, Some("gone in a day".into()))));
}

#[test]
fn a_message_about_another_one_is_not_a_message() {
    let edit = wire::FutureProofMessage { message: Some(text("I meant this")).into() };
    let messages = [
        Message { protocol_message: Some(wire::ProtocolMessage::default()).into(), ..Default::default() },
        Message { reaction_message: Some(wire::ReactionMessage::default()).into(), ..Default::default() },
        Message { edited_message: Some(edit).into(), ..Default::default() },
        Message { poll_update_message: Some(wire::PollUpdateMessage::default()).into(), ..Default::default() },
        Message { pin_in_chat_message: Some(wire::PinInChatMessage::default()).into(), ..Default::default() },
    ];
    for (number, message) in messages.into_iter().enumerate() {
        assert_eq!(content(&message), None, "message {number}");
    }
}

#[test]
fn keys_for_a_group_alone_are_no_message() {
    let keys = Message {
        sender_key_distribution_message: Some(wire::SenderKeyDistributionMessage::default()).into(),
        message_context_info: Some(MessageContextInfo::default()).into(),
        ..Message::default()
    };
    assert_eq!(content(&keys), None);
    let with_text = Message { conversation: Some("hello".into()), ..keys };
    assert_eq!(content(&with_text), Some((MessageKind::Text, Some("hello".into()))));
}

fn record(chat: &str, from_me: bool, participant: Option<&str>) -> WebMessageInfo {
    WebMessageInfo {
        key: Some(MessageKey {
            remote_jid: Some(chat.into()),
            from_me: Some(from_me),
            id: Some("3EB0".into()),
            participant: participant.map(str::to_owned),
        })
        .into(),
        message: Some(text("hello")).into(),
        message_timestamp: Some(1_700_000_000),
        push_name: Some("mei".into()),
        ..WebMessageInfo::default()
    }
}

#[test]
fn a_recorded_message_knows_its_sender() {
    let sender = |chat: &str, from_me, participant| {
        let own = OWN.parse().unwrap();
        let recorded = recorded(&record(chat, from_me, participant), &chat.parse().unwrap(), &own);
        recorded.map(|message| message.expect("a message").0.sender.to_string())
    };
    assert_eq!(sender(CHAT, false, None), Ok(CHAT.to_owned()));
    assert_eq!(sender(CHAT, true, None), Ok(OWN.to_owned()));
    let participant = Some("15550100002:4@s.whatsapp.net");
    assert_eq!(sender(GROUP, false, participant), Ok("15550100002@s.whatsapp.net".to_owned()));
    assert!(sender(GROUP, false, None).is_err(), "a group message without a sender");
}

#[test]
fn a_recorded_message_has_milliseconds_and_needs_a_time() {
    let (chat, own): (Jid, Jid) = (CHAT.parse().unwrap(), OWN.parse().unwrap());
    let message = record(CHAT, false, None);
    assert_eq!(recorded(&message, &chat, &own).unwrap().unwrap().0.at, 1_700_000_000_000);
    assert_eq!(recorded(&WebMessageInfo { message_timestamp: None, ..message }, &chat, &own), Ok(None));
}

fn protocol(kind: wire::protocol_message::Type, edited: Option<&str>, participant: Option<&str>) -> Message {
    let key =
        MessageKey { id: Some("3EA0".into()), participant: participant.map(str::to_owned), ..MessageKey::default() };
    let protocol = wire::ProtocolMessage {
        key: MessageField::some(key),
        r#type: Some(kind),
        edited_message: edited.map(text).into(),
        timestamp_ms: Some(1_700_000_000_123),
        ..wire::ProtocolMessage::default()
    };
    Message { protocol_message: MessageField::some(protocol), ..Message::default() }
}

fn rewriting(info: MessageInfo, message: Message) -> Option<crate::session::UpdatedMessage> {
    match super::delivered(&inbound(info, message)).expect("addresses")? {
        SessionEvent::MessageUpdated(rewriting) => Some(rewriting),
        other => panic!("no rewriting: {other:?}"),
    }
}

#[test]
fn an_edit_has_its_senders_address_and_time_wrapped_or_not() {
    let edit = protocol(wire::protocol_message::Type::MESSAGE_EDIT, Some("At ten"), Some(OWN));
    let outer = wire::FutureProofMessage { message: MessageField::some(edit.clone()) };
    let wrapped = Message { edited_message: MessageField::some(outer), ..Message::default() };
    for message in [edit, wrapped] {
        let edited = rewriting(info(GROUP, CHAT, false), message).expect("an edit");
        assert_eq!((edited.wa_id.as_str(), edited.sender.as_str(), edited.from_me), ("3EA0", CHAT, false));
        let says =
            crate::domain::message::MessageUpdate::Edit { text: Some("At ten".into()), as_of: 1_700_000_000_123 };
        assert_eq!(edited.rewrite, says);
    }
}

#[test]
fn only_an_admin_can_revoke_a_message_of_another_sender() {
    let revocation = || protocol(wire::protocol_message::Type::REVOKE, None, Some(OWN));
    let own = rewriting(info(GROUP, CHAT, false), revocation()).expect("a revocation");
    assert_eq!(own.sender.as_str(), CHAT);
    let edit = whatsapp_rust::types::message::EditAttribute::AdminRevoke;
    let by_admin = rewriting(MessageInfo { edit, ..info(GROUP, CHAT, false) }, revocation()).expect("a revocation");
    assert_eq!((by_admin.sender.as_str(), by_admin.from_me), (OWN, false));
    assert_eq!(by_admin.rewrite, crate::domain::message::MessageUpdate::Revocation);
}

/// An address at each server that the library knows, and its stored form; `None` if no messages come from there.
const AT_EACH_SERVER: [(&str, Option<&str>); 8] = [
    ("15550100001:3@s.whatsapp.net", Some(CHAT)),
    ("15550100001@c.us", Some(CHAT)),
    ("15550100001:99@hosted", Some(CHAT)),
    ("100000000000001:3@lid", Some("100000000000001@lid")),
    ("100000000000001:99@hosted.lid", Some("100000000000001@lid")),
    ("867051314767696@bot", Some("867051314767696@bot")),
    ("sam@interop", Some("sam@interop")),
    ("15550100001@call", None),
];

#[test]
fn every_sender_of_a_direct_message_is_stored_or_gives_an_error() {
    for (from, stored) in AT_EACH_SERVER {
        let told = super::delivered(&inbound(info(from, from, false), text("hello")));
        match (told, stored) {
            (Ok(Some(SessionEvent::Message(message))), Some(stored)) => {
                assert_eq!((message.chat.as_str(), message.sender.as_str()), (stored, stored), "{from}");
            }
            (Err(_), None) => {}
            (told, _) => panic!("{from}: {told:?}"),
        }
        let own = super::delivered(&inbound(info(from, OWN, true), text("hello")));
        assert_eq!(own.is_err(), stored.is_none(), "written to {from}");
    }
}

#[test]
fn every_sender_in_a_group_is_stored_or_gives_an_error() {
    let (edit, revoke) = (wire::protocol_message::Type::MESSAGE_EDIT, wire::protocol_message::Type::REVOKE);
    for (from, stored) in AT_EACH_SERVER {
        for message in [text("hello"), protocol(edit, Some("At ten"), Some(from)), protocol(revoke, None, Some(from))] {
            let sender = match super::delivered(&inbound(info(GROUP, from, false), message)) {
                Ok(Some(SessionEvent::Message(message))) => Some(message.sender),
                Ok(Some(SessionEvent::MessageUpdated(rewriting))) => Some(rewriting.sender),
                Ok(other) => panic!("{from}: {other:?}"),
                Err(_) => None,
            };
            assert_eq!(sender.as_ref().map(Jid::as_str), stored, "{from}");
        }
        let by_admin = MessageInfo { edit: EditAttribute::AdminRevoke, ..info(GROUP, OWN, false) };
        let taken_back = super::delivered(&inbound(by_admin, protocol(revoke, None, Some(from))));
        assert_eq!(taken_back.is_err(), stored.is_none(), "{from}");
    }
}

#[test]
fn every_sender_in_a_history_is_stored_or_gives_an_error() {
    let (own, group): (Jid, Jid) = (OWN.parse().unwrap(), GROUP.parse().unwrap());
    for (from, stored) in AT_EACH_SERVER {
        let told = recorded(&record(GROUP, false, Some(from)), &group, &own);
        let sender = told.map(|message| message.expect("a message").0.sender);
        assert_eq!(sender.as_ref().map(Jid::as_str).ok(), stored, "{from}");
    }
}
