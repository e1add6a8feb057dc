//! The owner at the phone, and those who write.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chatgraph_sandbox::Phone;

use super::random::Random;

const PEOPLE: [(&str, &str); 2] = [("15550111", "15550111@s.whatsapp.net"), ("15550112", "15550112@s.whatsapp.net")];
const GROUP: &str = "120363000000000001@g.us";

/// What happens on WhatsApp's side. It never touches what the callers set, so that there is one truth in the end.
pub(super) struct Owner {
    phone: Phone,
}

impl Owner {
    pub(super) fn new(phone: Phone) -> Self {
        Self { phone }
    }

    /// Acts until it is done, and tells how often it did.
    pub(super) async fn run(self, mut random: Random, done: Arc<AtomicBool>) -> usize {
        let phone = self.phone;
        let mut actions = 0;
        while !done.load(Ordering::SeqCst) {
            let (number, chat) = PEOPLE[usize::from(random.below(2) == 0)];
            let on = random.below(2) == 0;
            // A pin takes a chat out of the archive without a word: a replay of all settings tells the archive alone.
            let is_archived = phone.chats().iter().any(|view| view.jid == chat && view.archived);
            match random.below(7) {
                0 => phone.archive(chat, on).await.expect("archived"),
                1 if is_archived => phone.archive(chat, false).await.expect("taken out"),
                1 => phone.pin(chat, on).await.expect("pinned"),
                2 => phone.pin(GROUP, on).await.expect("pinned"),
                3 => phone.mark_read(chat, true).await.expect("marked"),
                // A mark takes the place of the word before it, "read up to here", for those who were away: nobody writes
                // here, so there is nothing to be read.
                4 => phone.mark_read(GROUP, on).await.expect("marked"),
                _ => drop(phone.receive(number, chat, &format!("Line {actions}")).await.expect("written")),
            }
            actions += 1;
            tokio::time::sleep(Duration::from_millis(random.below(60))).await;
        }
        actions
    }
}
