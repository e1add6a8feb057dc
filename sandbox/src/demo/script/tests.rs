use std::collections::HashSet;

use super::*;
use crate::demo;

const NOW_MS: i64 = 1_760_000_000_000;

/// The chats of the demo account before the first step.
fn chats() -> Vec<ChatView> {
    let spec = demo::account(None, NOW_MS);
    let view = |chat: &crate::spec::ChatSpec| ChatView {
        jid: chat.jid.clone(),
        aliases: Vec::new(),
        name: Some(chat.jid.clone()),
        kind: ChatKind::of(&chat.jid),
        locked: false,
        archived: chat.archived,
        pinned: chat.pinned,
        muted_until: chat.muted_until,
        unread_count: chat.unread_count,
        marked_unread: chat.marked_unread,
        last_message_at: chat.last_message_at(),
    };
    spec.history.iter().map(view).collect()
}

/// Performs the step as a phone would, and returns true if it changed anything.
fn perform(step: &Step, chats: &mut [ChatView]) -> bool {
    let (Step::Write { chat, .. } | Step::Change { chat, .. }) = step;
    let chat = chats.iter_mut().find(|view| view.jid == *chat).unwrap();
    let before = chat.clone();
    match step {
        Step::Write { .. } => chat.unread_count += 1,
        Step::Change { change, .. } => match *change {
            Change::Archive(archived) => (chat.archived, chat.pinned) = (archived, chat.pinned && !archived),
            Change::Pin(pinned) => chat.pinned = pinned,
            Change::Mute(until) => chat.muted_until = until,
            Change::Read(read) => (chat.marked_unread, chat.unread_count) = (!read, 0),
        },
    }
    *chat != before
}

#[test]
fn every_step_changes_something_and_every_kind_of_step_occurs() {
    let (mut chats, mut script, mut seen) = (chats(), Script::new(1), HashSet::new());
    for _ in 0..1000 {
        let step = script.next(&chats, NOW_MS).unwrap();
        seen.insert(match &step {
            Step::Write { .. } => "write",
            Step::Change { change, .. } => match change {
                Change::Archive(true) => "archive",
                Change::Archive(false) => "unarchive",
                Change::Pin(true) => "pin",
                Change::Pin(false) => "unpin",
                Change::Mute(Some(FOREVER)) => "mute permanently",
                Change::Mute(Some(_)) => "mute",
                Change::Mute(None) => "unmute",
                Change::Read(true) => "read",
                Change::Read(false) => "unread",
            },
        });
        assert!(perform(&step, &mut chats), "{step} changes nothing");
        assert!(chats.iter().filter(|chat| chat.pinned).count() <= 3, "a fourth pin: {step}");
    }
    assert_eq!(seen.len(), 10, "{seen:?}");
}

#[test]
fn the_same_seed_creates_the_same_story() {
    let story = |seed| {
        let (mut chats, mut script) = (chats(), Script::new(seed));
        let mut told = Vec::new();
        for _ in 0..100 {
            let (pause, step) = (script.pause(), script.next(&chats, NOW_MS).unwrap());
            perform(&step, &mut chats);
            told.push((pause, step));
        }
        told
    };
    assert_eq!(story(7), story(7));
    assert_ne!(story(7), story(8));
}

#[test]
fn it_begins_after_two_seconds_and_continues_every_two_to_six() {
    let mut script = Script::new(3);
    assert_eq!(script.pause(), Duration::from_secs(2));
    let pauses: Vec<Duration> = (0..500).map(|_| script.pause()).collect();
    assert!(pauses.iter().all(|pause| (2..=6).contains(&pause.as_secs()) && *pause <= Duration::from_secs(6)));
    assert!(pauses.iter().any(|pause| pause.as_secs() >= 5));
}

#[test]
fn people_write_only_where_they_belong() {
    for scene in SCENES {
        assert!(!scene.lines.is_empty());
        for (from, text) in scene.lines {
            let belongs = match scene.with {
                With::Person(person) => *from == person,
                With::Group(group) => group.members.contains(from),
            };
            assert!(belongs, "{} says {text:?} in {}", from.shown(), scene.with.shown());
        }
    }
}

#[test]
fn scenes_are_played_line_by_line_and_one_after_the_other() {
    let (chats, mut script) = (chats(), Script::new(5));
    let steps = std::iter::from_fn(|| script.next(&chats, NOW_MS)).take(400);
    let said: Vec<&str> =
        steps.filter_map(|step| if let Step::Write { text, .. } = step { Some(text) } else { None }).collect();
    let written = SCENES.iter().flat_map(|scene| scene.lines).map(|(_, text)| *text).cycle();
    assert!(said.len() > 150);
    assert_eq!(said, written.take(said.len()).collect::<Vec<_>>());
}

#[test]
fn an_account_without_chats_has_no_steps() {
    assert_eq!(Script::new(1).next(&[], NOW_MS), None);
}

#[test]
fn steps_are_described_in_plain_words() {
    let mut script = Script::new(1);
    let mut chats = chats();
    chats.retain(|chat| chat.jid.starts_with("12135550122"));
    let line = (0..50).find_map(|_| script.next(&chats, NOW_MS).filter(|step| matches!(step, Step::Write { .. })));
    assert_eq!(line.unwrap().to_string(), "Mei Tanaka writes: 追跡番号です: UJ 5501 22 🍵");
    let change =
        Step::Change { chat: String::new(), place: "Book club 📚".to_owned(), change: Change::Archive(true) };
    assert_eq!(change.to_string(), "the phone archives Book club 📚");
}
