//! The owner at the phone, and people that write messages.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chatgraph_sandbox::Phone;

use super::random::Random;
use crate::support::BOOKS;

const PEOPLE: [(&str, &str); 2] = [("15550111", "15550111@s.whatsapp.net"), ("15550112", "15550112@s.whatsapp.net")];

/// Actions on WhatsApp's side. They never touch settings that the clients set, so the expected end state is
/// unambiguous.
pub(super) struct Owner {
    phone: Phone,
}

impl Owner {
    pub(super) fn new(phone: Phone) -> Self {
        Self { phone }
    }

    /// Acts until `done` is set; returns the number of actions.
    pub(super) async fn run(self, mut random: Random, done: Arc<AtomicBool>) -> usize {
        let phone = self.phone;
        let mut actions = 0;
        while !done.load(Ordering::SeqCst) {
            let (number, chat) = PEOPLE[usize::from(random.below(2) == 0)];
            let on = random.below(2) == 0;
            // A pin unarchives a chat silently: a full replay of settings has only the archive setting. So the group, which
            // API clients archive at any moment, is not pinned.
            let is_archived = phone.chats().iter().any(|view| view.jid == chat && view.archived);
            match random.below(6) {
                0 => phone.archive(chat, on).await.expect("archived"),
                1 if is_archived => phone.archive(chat, false).await.expect("unarchived"),
                1 => phone.pin(chat, on).await.expect("pinned"),
                2 => phone.mark_read(chat, true).await.expect("marked"),
                // For devices that were offline, a mark as unread replaces the earlier "read up to here". This group
                // receives no messages, so nothing in it can be unread.
                3 => phone.mark_read(BOOKS, on).await.expect("marked"),
                _ => drop(phone.receive(number, chat, &format!("Line {actions}")).await.expect("written")),
            }
            actions += 1;
            tokio::time::sleep(Duration::from_millis(random.below(60))).await;
        }
        actions
    }
}
