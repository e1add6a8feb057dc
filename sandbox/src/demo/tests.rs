use std::collections::HashSet;

use super::*;

const NOW_MS: i64 = 1_760_000_000_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

#[test]
fn it_is_a_valid_account_under_any_number() {
    // The last number belongs to a contact who is also in groups.
    for phone in [None, Some("15550100001"), Some(people::TOM.phone)] {
        let spec = account(phone, NOW_MS);
        assert_eq!(spec.validate(NOW_MS), Ok(()));
        assert_eq!(spec.phone, phone.unwrap_or(PHONE));
    }
}

#[test]
fn the_same_present_gives_the_same_account() {
    assert_eq!(account(None, NOW_MS), account(None, NOW_MS));
}

#[test]
fn it_has_about_forty_chats_of_every_sort() {
    let chats = account(None, NOW_MS).history;
    let count = |rule: fn(&&ChatSpec) -> bool| chats.iter().filter(rule).count();
    assert!((40..=50).contains(&chats.len()), "{}", chats.len());
    assert!((10..=20).contains(&count(|chat| chat.jid.ends_with("@g.us"))));
    assert!((1..=3).contains(&count(|chat| chat.pinned)));
    assert!((4..=12).contains(&count(|chat| chat.archived)));
    assert!((8..=20).contains(&count(|chat| chat.unread_count > 0)));
    assert_eq!(count(|chat| chat.marked_unread), 1);
    assert_eq!(count(|chat| chat.muted_until == Some(FOREVER)), 1);
    assert_eq!(count(|chat| chat.muted_until == Some(NOW_MS + 8 * 60 * MINUTE_MS)), 1);
    assert_eq!(count(|chat| chat.archived && chat.pinned), 0, "archived chats are not pinned");
    assert!(chats.iter().all(|chat| (2..=25).contains(&chat.messages.len())));
}

#[test]
fn only_the_last_incoming_messages_are_unread() {
    for chat in account(None, NOW_MS).history {
        let unread = usize::try_from(chat.unread_count).unwrap();
        let tail = &chat.messages[chat.messages.len() - unread..];
        assert!(tail.iter().all(|message| message.from.is_some()), "{}", chat.jid);
    }
}

#[test]
fn times_lie_minutes_to_months_ago_on_whole_seconds() {
    let chats = account(None, NOW_MS + 123).history;
    let ages: Vec<i64> = chats.iter().map(|chat| NOW_MS - chat.last_message_at().unwrap()).collect();
    assert!(ages.iter().any(|age| *age < 10 * MINUTE_MS));
    assert!(ages.iter().any(|age| *age > 60 * DAY_MS));
    assert_eq!(ages.iter().collect::<HashSet<_>>().len(), ages.len(), "two chats would have the same time");
    assert!(chats.iter().flat_map(|chat| &chat.messages).all(|message| message.at % 1000 == 0));
    let distinct = |chat: &ChatSpec| chat.messages.is_sorted_by(|one, next| one.at < next.at);
    assert!(chats.iter().all(distinct));
}

#[test]
fn every_number_is_fictional() {
    let spec = account(None, NOW_MS);
    for phone in spec.contacts.iter().map(|contact| &contact.phone).chain([&spec.phone]) {
        assert!(is_fictional(phone), "{phone}");
    }
    for group in &spec.groups {
        assert!(group.jid.starts_with("120363") && group.jid.len() == "120363000000000000@g.us".len(), "{}", group.jid);
    }
    assert!(spec.contacts.iter().all(|contact| contact.lid.as_ref().is_some_and(|lid| lid.len() == 15)));
}

/// Returns true if a number is in a range reserved for fiction.
fn is_fictional(phone: &str) -> bool {
    let united_states = phone.len() == 11 && phone.starts_with('1') && phone[4..].starts_with("55501");
    let others = [
        ("447700900", 12), // mobiles, Ofcom
        ("442079460", 12), // London, Ofcom
        ("3363998", 11),   // mobiles, Arcep
        ("493023125", 12), // Berlin, Bundesnetzagentur
    ];
    united_states || others.iter().any(|(prefix, length)| phone.starts_with(prefix) && phone.len() == *length)
}

#[test]
fn people_of_many_scripts_are_in_it() {
    let spec = account(None, NOW_MS);
    let names: String = spec.contacts.iter().filter_map(|contact| contact.name.clone()).collect();
    let texts: String =
        spec.history.iter().flat_map(|chat| &chat.messages).map(|message| message.text.clone()).collect();
    let scripts = [
        ("Arabic", '\u{0600}'..='\u{06ff}'),
        ("Cyrillic", '\u{0400}'..='\u{04ff}'),
        ("Devanagari", '\u{0900}'..='\u{097f}'),
        ("Greek", '\u{0370}'..='\u{03ff}'),
        ("Hangul", '\u{ac00}'..='\u{d7af}'),
        ("Hebrew", '\u{0590}'..='\u{05ff}'),
        ("Han", '\u{4e00}'..='\u{9fff}'),
        ("emoji", '\u{1f300}'..='\u{1faff}'),
    ];
    for (script, range) in scripts {
        assert!(names.contains(|letter| range.contains(&letter)), "no {script} name");
        assert!(texts.contains(|letter| range.contains(&letter)), "no {script} text");
    }
    assert!(texts.contains('の'), "no Japanese text");
}

#[test]
fn some_are_known_only_by_push_name_and_one_only_by_number() {
    let contacts = account(None, NOW_MS).contacts;
    let unsaved = contacts.iter().filter(|contact| contact.name.is_none());
    assert!(unsaved.clone().filter(|contact| contact.push_name.is_some()).count() >= 3);
    assert_eq!(unsaved.filter(|contact| contact.push_name.is_none()).count(), 1);
}
