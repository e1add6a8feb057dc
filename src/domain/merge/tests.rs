//! Merging two chats of one user.

use super::{
    super::{
        change::{ChatField, Origin},
        chat::ChatPatch,
        id::{ChatId, SessionId},
        jid::Jid,
        pending_action::RejectionCode,
    },
    *,
};

fn chat(jid: &str) -> Chat {
    Chat::new(ChatId::new(1), SessionId::new(1), jid.parse::<Jid>().expect("a JID"), 1)
}

fn two() -> (Chat, Chat) {
    (chat("15550100@s.whatsapp.net"), chat("100000000000001@lid"))
}

fn set_archived(chat: &mut Chat, archived: bool, as_of: i64) {
    let _ = chat.apply(
        &ChatPatch { as_of, settings: [SettingValue::Archived(archived)].into(), ..ChatPatch::default() },
        1,
        Origin::Device,
    );
}

/// A client requests a setting that WhatsApp has not received yet.
fn asked(chat: &mut Chat, archived: bool, at: i64) -> OpenActions {
    let (base, base_as_of) = chat.base(Setting::Archived);
    let _ = chat.apply(
        &ChatPatch { as_of: at, settings: [SettingValue::Archived(archived)].into(), ..ChatPatch::default() },
        1,
        Origin::Api,
    );
    chat.pending.insert(ChatField::Archived);
    let action = PendingAction {
        organization: "org_1".parse().expect("an id"),
        session: chat.session,
        chat: chat.id,
        address: chat.jid.clone(),
        version: at,
        desired: SettingValue::Archived(archived),
        base,
        base_as_of,
        unread: 0,
        requested_at: at,
        range: None,
        read_before: None,
    };
    OpenActions { waiting: vec![action], refused: Vec::new() }
}

#[test]
fn each_setting_has_its_latest_value() {
    for (first, second) in [(10, 20), (20, 10)] {
        let (mut mine, mut theirs) = two();
        set_archived(&mut mine, true, first);
        set_archived(&mut theirs, false, second);
        let open = mine.merge(&OpenActions::default(), &theirs, &OpenActions::default());
        assert_eq!(mine.settings.archived, Versioned { value: first > second, as_of: 20 });
        assert_eq!(open, OpenActions::default());
    }
}

#[test]
fn undated_value_of_a_history_replaces_only_a_missing_one() {
    let (mut mine, mut theirs) = two();
    theirs.settings.archived.value = true;
    let _open = mine.merge(&OpenActions::default(), &theirs, &OpenActions::default());
    assert!(mine.settings.archived.value);
}

#[test]
fn the_newer_of_two_requests_waits_based_on_whatsapps_state() {
    for (first, second) in [(30, 40), (40, 30)] {
        let (mut mine, mut theirs) = two();
        set_archived(&mut theirs, true, 5);
        let (ours, yours) = (asked(&mut mine, true, first), asked(&mut theirs, false, second));
        let open = mine.merge(&ours, &theirs, &yours);
        let [action] = &open.waiting[..] else { panic!("{open:?}") };
        assert_eq!((action.desired, action.requested_at), (SettingValue::Archived(first > second), 40));
        assert_eq!((action.base, action.base_as_of), (SettingValue::Archived(true), 5));
        assert_eq!((action.chat, mine.settings.archived.value), (mine.id, first > second));
        assert_eq!(mine.pending, [ChatField::Archived].into_iter().collect::<ChatFields>());
    }
}

#[test]
fn later_value_of_the_merged_chat_wins_over_a_request() {
    for (at, waits) in [(10, true), (30, false)] {
        let (mut mine, mut theirs) = two();
        set_archived(&mut theirs, false, at);
        let ours = asked(&mut mine, true, 20);
        let open = mine.merge(&ours, &theirs, &OpenActions::default());
        assert_eq!(
            (open.waiting.len() == 1, mine.settings.archived.value, mine.pending.is_empty()),
            (waits, waits, !waits)
        );
    }
}

#[test]
fn a_refusal_stays_until_it_was_asked_again() {
    let refusal = |at| Rejection { setting: Setting::Archived, code: RejectionCode::Rejected, at };
    let (mut mine, mut theirs) = two();
    let refused = OpenActions { waiting: Vec::new(), refused: vec![refusal(10)] };
    let open =
        mine.clone().merge(&refused, &theirs, &OpenActions { refused: vec![refusal(20)], ..OpenActions::default() });
    assert_eq!(open.refused, [refusal(20)]);
    let yours = asked(&mut theirs, true, 30);
    assert_eq!(mine.merge(&refused, &theirs, &yours).refused, []);
    assert!(mine.refused.is_empty());
}
