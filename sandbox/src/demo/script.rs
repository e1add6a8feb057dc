//! Selects the next step in the demo account, from a seed and the current state of the phone.
//!
//! The script keeps no state about the chats, so that other changes of them do no harm.

mod scenes;

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::{chat::With, people::Person};
use crate::{ChatKind, ChatView, FOREVER};
use scenes::{SCENES, Scene};

const HOUR_MS: i64 = 3_600_000;
const MAX_PINS: usize = 3;
/// Maximum number of archived or muted chats. At the maximum, the phone unarchives or unmutes chats instead.
const ENOUGH: usize = 12;

/// A step of the script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// A contact writes a line.
    Write { from: Person, chat: String, place: String, text: &'static str },
    /// The phone changes a chat.
    Change { chat: String, place: String, change: Change },
}

/// A change of a chat on the phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Archive(bool),
    Pin(bool),
    Mute(Option<i64>),
    Read(bool),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write { from, place, text, .. } if from.shown() == place => write!(f, "{place} writes: {text}"),
            Self::Write { from, place, text, .. } => write!(f, "{} writes in {place}: {text}", from.shown()),
            Self::Change { place, change, .. } => match change {
                Change::Archive(true) => write!(f, "the phone archives {place}"),
                Change::Archive(false) => write!(f, "the phone takes {place} out of the archive"),
                Change::Pin(true) => write!(f, "the phone pins {place}"),
                Change::Pin(false) => write!(f, "the phone unpins {place}"),
                Change::Mute(Some(FOREVER)) => write!(f, "the phone mutes {place} permanently"),
                Change::Mute(Some(_)) => write!(f, "the phone mutes {place} for a while"),
                Change::Mute(None) => write!(f, "the phone unmutes {place}"),
                Change::Read(true) => write!(f, "the phone marks {place} as read"),
                Change::Read(false) => write!(f, "the phone marks {place} as unread"),
            },
        }
    }
}

/// The endless script. The account stores its position, so that it resumes after a restart.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Script {
    random: u64,
    #[serde(skip)]
    begun: bool,
    /// The next line of the current scene; `None` after the last line.
    line: Option<usize>,
    /// The scene that starts next.
    next_scene: usize,
}

impl Script {
    /// Starts the script. The same seed and the same states of the phone give the same steps.
    pub(super) fn new(seed: u64) -> Self {
        Self { random: seed, begun: false, line: None, next_scene: 0 }
    }

    /// Returns the delay before the next step. The first delay is short.
    pub(super) fn pause(&mut self) -> Duration {
        if !std::mem::replace(&mut self.begun, true) {
            return Duration::from_secs(2);
        }
        Duration::from_millis(2000 + self.below(4001))
    }

    /// Selects the next step for these chats at `now_ms`, in milliseconds since the Unix epoch; `None` if no step is
    /// possible.
    pub(super) fn next(&mut self, chats: &[ChatView], now_ms: i64) -> Option<Step> {
        if self.below(100) < 62 {
            let line = self.write(chats);
            if line.is_some() {
                return line;
            }
        }
        self.change(chats, now_ms)
    }

    /// Ends the current scene, if its chat accepts no messages.
    pub(super) fn skip_scene(&mut self) {
        self.line = None;
    }

    fn write(&mut self, chats: &[ChatView]) -> Option<Step> {
        for _ in 0..SCENES.len() {
            let (scene, line) = self.place();
            let jid = scene.with.jid();
            let chat = chats.iter().find(|chat| chat.jid == jid || chat.aliases.contains(&jid));
            if let (Some(chat), Some((from, text))) = (chat, scene.lines.get(line)) {
                self.line = (line + 1 < scene.lines.len()).then_some(line + 1);
                return Some(Step::Write {
                    from: *from,
                    chat: chat.jid.clone(),
                    place: scene.with.shown().to_owned(),
                    text,
                });
            }
        }
        None
    }

    /// Returns the current scene and its next line, or the next scene if the current one has ended.
    fn place(&mut self) -> (&'static Scene, usize) {
        let line = self.line.take().unwrap_or_else(|| {
            self.next_scene = (self.next_scene + 1) % SCENES.len();
            0
        });
        (&SCENES[(self.next_scene + SCENES.len() - 1) % SCENES.len()], line)
    }

    fn change(&mut self, chats: &[ChatView], now_ms: i64) -> Option<Step> {
        let archived = chats.iter().filter(|chat| chat.archived).count();
        let pinned = chats.iter().filter(|chat| chat.pinned).count();
        let muted = chats.iter().filter(|chat| chat.muted_until.is_some()).count();
        // Reading is the most frequent change, so it is listed three times.
        for _ in 0..8 {
            let (change, eligible): (Change, fn(&ChatView) -> bool) = match self.below(8) {
                0 if archived < ENOUGH => (Change::Archive(true), |chat| !chat.archived && !chat.pinned),
                0 | 1 => (Change::Archive(false), |chat| chat.archived),
                2 if pinned < MAX_PINS => (Change::Pin(true), |chat| !chat.pinned && !chat.archived),
                2 => (Change::Pin(false), |chat| chat.pinned),
                3 if muted < ENOUGH => {
                    (Change::Mute(Some(self.mute_until(now_ms))), |chat| chat.muted_until.is_none() && !chat.archived)
                }
                3 => (Change::Mute(None), |chat| chat.muted_until.is_some()),
                4 => (Change::Read(false), |chat| chat.unread_count == 0 && !chat.marked_unread && !chat.archived),
                _ => (Change::Read(true), |chat| chat.unread_count > 0 || chat.marked_unread),
            };
            let eligible: Vec<&ChatView> = chats.iter().filter(|chat| eligible(chat)).collect();
            if let Some(chat) = eligible.get(self.index_below(eligible.len())) {
                let place = chat.name.clone().unwrap_or_else(|| place_of(chat));
                return Some(Step::Change { chat: chat.jid.clone(), place, change });
            }
        }
        None
    }

    fn mute_until(&mut self, now_ms: i64) -> i64 {
        match self.below(3) {
            0 => now_ms + 8 * HOUR_MS,
            1 => now_ms + 7 * 24 * HOUR_MS,
            _ => FOREVER,
        }
    }

    fn index_below(&mut self, end: usize) -> usize {
        let index = self.below(u64::try_from(end).unwrap_or(u64::MAX));
        usize::try_from(index).unwrap_or_default()
    }

    /// Returns a number below `end`. `SplitMix64` is uniform enough for a demo.
    fn below(&mut self, end: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end.max(1)
    }
}

fn place_of(chat: &ChatView) -> String {
    let user = chat.jid.split('@').next().unwrap_or_default();
    match chat.kind {
        ChatKind::Dm => format!("+{user}"),
        _ => chat.jid.clone(),
    }
}

impl With {
    fn jid(self) -> String {
        match self {
            Self::Person(person) => person.jid(),
            Self::Group(group) => group.jid.to_owned(),
        }
    }

    fn shown(self) -> &'static str {
        match self {
            Self::Person(person) => person.shown(),
            Self::Group(group) => group.subject,
        }
    }
}

#[cfg(test)]
mod tests;
