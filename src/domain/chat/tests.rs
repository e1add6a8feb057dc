//! The rules of a chat.

use super::*;

fn chat() -> Chat {
    let jid = "15550100@s.whatsapp.net".parse().expect("a JID");
    Chat::new(ChatId::new(1), SessionId::new(1), jid, 1)
}

#[test]
fn the_same_value_again_is_no_change() {
    let mut chat = chat();
    let patch = ChatPatch { as_of: 10, settings: [SettingValue::Archived(true)].into(), ..ChatPatch::default() };
    let change = chat.apply(&patch, 11, Origin::Api).expect("a change");
    assert_eq!(change.changed, [ChatField::Archived].into_iter().collect::<ChatFields>());
    assert!(change.state.settings.archived.value);
    assert_eq!(chat.apply(&patch, 12, Origin::Device), None);
}

#[test]
fn an_older_event_does_not_touch_a_newer_setting() {
    let mut chat = chat();
    let newer = ChatPatch { as_of: 20, settings: [SettingValue::Pinned(true)].into(), ..ChatPatch::default() };
    let older = ChatPatch { as_of: 10, settings: [SettingValue::Pinned(false)].into(), ..ChatPatch::default() };
    assert!(chat.apply(&newer, 21, Origin::Device).is_some());
    assert_eq!(chat.apply(&older, 22, Origin::Device), None);
    assert!(chat.settings.pinned.value);
}

#[test]
fn api_setting_wins_although_whatsapps_clock_is_ahead() {
    let mut chat = chat();
    let ahead = ChatPatch { as_of: 20, settings: [SettingValue::Pinned(true)].into(), ..ChatPatch::default() };
    let asked = ChatPatch { as_of: 10, settings: [SettingValue::Pinned(false)].into(), ..ChatPatch::default() };
    assert!(chat.apply(&ahead, 10, Origin::Device).is_some());
    assert!(chat.apply(&asked, 10, Origin::Api).is_some());
    assert_eq!(chat.settings.pinned, Versioned { value: false, as_of: 20 });
}

#[test]
fn the_last_message_only_moves_forward() {
    let mut chat = chat();
    let message = |at| ChatPatch { last_message: Some(LastMessage { id: None, at }), ..ChatPatch::default() };
    assert!(chat.apply(&message(20), 1, Origin::Message).is_some());
    assert_eq!(chat.apply(&message(10), 2, Origin::Message), None);
    assert_eq!(chat.last_message.map(|message| message.at), Some(20));
}

#[test]
fn reading_clears_the_count_and_the_mark() {
    let mut chat = chat();
    chat.unread_count = 3;
    let unread = ChatPatch {
        as_of: 5,
        settings: [SettingValue::Read(false)].into(),
        clears_unread: true,
        ..ChatPatch::default()
    };
    assert!(chat.apply(&unread, 5, Origin::Api).is_some());
    assert!(chat.settings.marked_unread.value);
    assert_eq!(chat.unread_count, 3);
    let read = ChatPatch {
        as_of: 6,
        settings: [SettingValue::Read(true)].into(),
        clears_unread: true,
        ..ChatPatch::default()
    };
    let change = chat.apply(&read, 6, Origin::Device).expect("a change");
    assert_eq!(change.changed, [ChatField::UnreadCount, ChatField::MarkedUnread].into_iter().collect::<ChatFields>());
    assert_eq!((chat.unread_count, chat.settings.marked_unread.value), (0, false));
}

#[test]
fn names_have_their_order_and_are_never_cleared() {
    let mut chat = chat();
    assert_eq!(chat.name().as_deref(), Some("+15550100"));
    let push = ChatNames { push: Some("mei".into()), ..ChatNames::default() };
    let _ = chat.apply(&ChatPatch { names: push, ..ChatPatch::default() }, 1, Origin::Message);
    assert_eq!(chat.name().as_deref(), Some("mei"));
    let contact = ChatNames { contact: Some("Mei Tanaka".into()), push: Some("  ".into()), ..ChatNames::default() };
    let _ = chat.apply(&ChatPatch { names: contact, ..ChatPatch::default() }, 2, Origin::Device);
    assert_eq!(chat.name().as_deref(), Some("Mei Tanaka"));
    assert_eq!(chat.names.push.as_deref(), Some("mei"));
}
