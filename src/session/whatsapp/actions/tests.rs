use whatsapp_rust::waproto::whatsapp::{
    SyncActionValue,
    sync_action_value::{ContactAction, LockChatAction, PnForLidChatAction, UnarchiveChatsSetting},
};

use super::*;

const LID: &str = "100000000000001@lid";
const NUMBER_OF_LID: &str = "15550111@s.whatsapp.net";

fn set(index: &[&str], value: SyncActionValue) -> Mutation {
    let value = SyncActionValue { timestamp: Some(7), ..value };
    let index = index.iter().map(|part| (*part).to_owned()).collect();
    Mutation { action_value: Some(value), index, operation: SyncdOperation::SET }
}

fn removed(index: &[&str]) -> Mutation {
    Mutation { operation: SyncdOperation::REMOVE, ..set(index, SyncActionValue::default()) }
}

fn jid(text: &str) -> Jid {
    text.parse().expect("a JID")
}

#[test]
fn a_lid_and_its_number_are_one_person() {
    let of = |number: Option<&str>| {
        let action = PnForLidChatAction { pn_jid: number.map(ToOwned::to_owned) };
        set(&[NUMBER, LID], SyncActionValue { pn_for_lid_chat_action: action.into(), ..SyncActionValue::default() })
    };
    let person = Person::new(&jid(LID), &jid(NUMBER_OF_LID)).expect("a person");
    let same = SessionEvent::SamePerson { people: vec![person], at: 7 };
    assert_eq!(translate(&of(Some(NUMBER_OF_LID)), false), Ok(vec![same]));
    assert_eq!(translate(&of(Some(LID)), false), Ok(vec![]), "a LID is no number");
    assert_eq!(translate(&of(None), false), Ok(vec![]));
    assert_eq!(translate(&removed(&[NUMBER, LID]), false), Ok(vec![]), "what was told stays true");
    assert!(translate(&of(Some("nobody")), false).is_err());
}

fn contact(action: ContactAction) -> Vec<SessionEvent> {
    let value = SyncActionValue { contact_action: action.into(), ..SyncActionValue::default() };
    translate(&set(&[CONTACT, NUMBER_OF_LID], value), false).expect("known addresses")
}

#[test]
fn a_contact_with_two_addresses_is_one_person() {
    let action = ContactAction {
        full_name: Some("Mei Tanaka".into()),
        first_name: Some("Mei".into()),
        lid_jid: Some(LID.into()),
        pn_jid: Some(NUMBER_OF_LID.into()),
        ..ContactAction::default()
    };
    let person = Person { phone: jid(NUMBER_OF_LID), lid: jid(LID) };
    let named = SessionEvent::ContactNamed { jid: jid(NUMBER_OF_LID), name: "Mei Tanaka".into() };
    assert_eq!(contact(action), [SessionEvent::SamePerson { people: vec![person], at: 7 }, named]);
}

#[test]
fn a_contact_without_a_full_name_has_its_first_name_or_no_name() {
    let first =
        ContactAction { full_name: Some(" ".into()), first_name: Some("Mei".into()), ..ContactAction::default() };
    let named = SessionEvent::ContactNamed { jid: jid(NUMBER_OF_LID), name: "Mei".into() };
    assert_eq!(contact(first), [named]);
    assert_eq!(contact(ContactAction::default()), []);
    let gone = SessionEvent::ContactRemoved { jid: jid(NUMBER_OF_LID) };
    assert_eq!(translate(&removed(&[CONTACT, NUMBER_OF_LID]), false), Ok(vec![gone]));
}

#[test]
fn a_contact_without_number_is_named_until_it_is_removed() {
    let of = |full: &str, first: &str, user: &str| {
        let [full_name, first_name, username] = [full, first, user].map(|name| Some(name.to_owned()));
        let action = LidContactAction { full_name, first_name, username };
        set(&[LID_CONTACT, LID], SyncActionValue { lid_contact_action: action.into(), ..SyncActionValue::default() })
    };
    let named = |name: &str| Ok(vec![SessionEvent::ContactNamed { jid: jid(LID), name: name.to_owned() }]);
    assert_eq!(translate(&of("Mei Tanaka", "Mei", "mei"), false), named("Mei Tanaka"));
    assert_eq!(translate(&of("", "Mei", "mei"), false), named("Mei"));
    assert_eq!(translate(&of("", " ", "mei"), false), named("mei"));
    assert_eq!(translate(&of("", "", ""), false), Ok(vec![]));
    let gone = SessionEvent::ContactRemoved { jid: jid(LID) };
    assert_eq!(translate(&removed(&[LID_CONTACT, LID]), false), Ok(vec![gone]));
}

#[test]
fn a_locked_chat_is_neither_archived_nor_pinned() {
    let of = |locked: Option<bool>| {
        let action = LockChatAction { locked };
        set(&[LOCK, LID], SyncActionValue { lock_chat_action: action.into(), ..SyncActionValue::default() })
    };
    for replayed in [false, true] {
        let setting = |value| SessionEvent::Setting { chat: jid(LID), value, as_of: 7, up_to: None, replayed };
        let both = [SettingValue::Archived(false), SettingValue::Pinned(false)].map(setting);
        assert_eq!(translate(&of(Some(true)), replayed), Ok(both.into()));
    }
    assert_eq!(translate(&of(Some(false)), false), Ok(vec![]));
    assert_eq!(translate(&of(None), false), Ok(vec![]));
}

#[test]
fn chats_leave_the_archive_only_if_the_setting_says_so() {
    let of = |unarchive_chats: Option<bool>| {
        let action = UnarchiveChatsSetting { unarchive_chats };
        set(&[UNARCHIVE], SyncActionValue { unarchive_chats_setting: action.into(), ..SyncActionValue::default() })
    };
    let told = |unarchives| Ok(vec![SessionEvent::UnarchivesChats { unarchives }]);
    assert_eq!(translate(&of(Some(true)), false), told(true));
    assert_eq!(translate(&of(Some(false)), false), told(false));
    assert_eq!(translate(&of(None), false), told(false));
    assert_eq!(translate(&removed(&[UNARCHIVE]), false), told(false));
}

#[test]
fn actions_reported_by_the_library_are_ignored() {
    let all = [NUMBER, CONTACT, LID_CONTACT, LOCK, UNARCHIVE, "archive", "", "pin_v1"];
    let read = all.map(|kind| is_read_here(&set(&[kind, LID], SyncActionValue::default())));
    assert_eq!(read, [true, true, true, true, true, false, false, false]);
    assert!(!is_read_here(&set(&[], SyncActionValue::default())));
}
