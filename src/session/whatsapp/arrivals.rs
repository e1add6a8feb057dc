//! The order in which WhatsApp sends messages.
//!
//! The library handles the messages of each address on a task of its own, so that the two sides of a direct chat come out
//! of it in any order. Their times are whole seconds, so only the order of delivery says which of two was first, and
//! whether a message was there to be read when the owner answered. It is read off the raw stanzas, and restored here.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;
use tracing::debug;
use whatsapp_rust::Jid;
use whatsapp_rust::OwnedNodeRef;
use whatsapp_rust::Server;
use whatsapp_rust::types::events::InboundMessage;
use whatsapp_rust::types::message::MessageInfo;
use whatsapp_rust::wacore::time::now_millis;

/// How long a message waits for those before it: some never come, for they are known already or carry keys alone.
const WAIT_TIMEOUT: Duration = Duration::from_secs(2);
/// So many messages wait at a time, at most: each takes one of the library's 64 places, and what it waits for needs one.
const MAX_WAITING: usize = 16;
/// So many messages are remembered, at most. An offline queue is asked for by some hundreds at a time.
const MAX_OUTSTANDING: usize = 20_000;

/// The messages that came to a session, from their stanza until they are in the queue. One that a connection did not handle
/// keeps its place when it comes again on the next.
#[derive(Default)]
pub(super) struct Arrivals {
    outstanding: Mutex<Outstanding>,
    settled: Notify,
}

#[derive(Default)]
struct Outstanding {
    last: i64,
    caught_up: bool,
    waiting: usize,
    by_number: BTreeMap<i64, Arrival>,
    numbers: HashMap<(String, Jid), i64>,
    /// Those that are not stored, as far as is known, of earlier connections, too.
    earlier: HashMap<(String, Jid), i64>,
}

/// A message that WhatsApp sent.
struct Arrival {
    /// Its id and sender.
    key: (String, Jid),
    /// The address on whose task the library handles it.
    from: Jid,
    /// Whom the chat is with; `None` outside of direct chats, where one task handles all sides.
    peer: Option<Jid>,
    /// When it was sent, in seconds as WhatsApp writes them.
    second: String,
}

impl Arrivals {
    /// Notes a stanza as it comes off the wire. Call it in the order of the wire.
    pub(super) fn comes(&self, node: &OwnedNodeRef) {
        match node.tag() {
            // What an earlier connection did not handle comes again on this one.
            "success" => {
                let mut outstanding = self.outstanding();
                let Outstanding { by_number, numbers, earlier, caught_up, .. } = &mut *outstanding;
                by_number.clear();
                earlier.extend(numbers.drain());
                if earlier.len() > MAX_OUTSTANDING {
                    earlier.clear();
                }
                *caught_up = false;
            }
            "message" => {
                if let Some(arrival) = Arrival::read(node) {
                    self.outstanding().add(arrival);
                }
            }
            _ => {}
        }
    }

    /// The messages that waited for this connection are through: from now on the library handles many at a time.
    pub(super) fn caught_up(&self) {
        self.outstanding().caught_up = true;
    }

    /// Messages that are stored together, in WhatsApp's order, with their places in it.
    pub(super) fn in_order(&self, messages: &[InboundMessage]) -> Vec<(InboundMessage, Option<i64>)> {
        let outstanding = self.outstanding();
        let mut before = 0;
        let numbered = messages.iter().map(|message| {
            let number = outstanding.number(&message.info);
            // One that was not seen keeps its place behind the one before it.
            before = number.unwrap_or(before);
            (before, (message.clone(), number))
        });
        let mut numbered: Vec<_> = numbered.collect();
        numbered.sort_by_key(|(place, _)| *place);
        numbered.into_iter().map(|(_, message)| message).collect()
    }

    /// Waits until no earlier message of the same second may be missing in the message's chat, or for so long that it
    /// will not come.
    ///
    /// While the library works through what waited for the connection it handles one message at a time, so that waiting
    /// would be in vain.
    pub(super) async fn turn(&self, info: &MessageInfo) {
        let number = {
            let mut outstanding = self.outstanding();
            let Some(number) = outstanding.number(info).filter(|_| outstanding.caught_up) else { return };
            if outstanding.missing_before(number).is_empty() || outstanding.waiting >= MAX_WAITING {
                return;
            }
            outstanding.waiting += 1;
            number
        };
        let _waiting = Waiting(self);
        let turn = async {
            loop {
                let settled = self.settled.notified();
                if self.outstanding().missing_before(number).is_empty() {
                    return;
                }
                settled.await;
            }
        };
        if timeout(WAIT_TIMEOUT, turn).await.is_err() {
            let mut outstanding = self.outstanding();
            let missing = outstanding.missing_before(number);
            debug!(missing = missing.len(), "Earlier messages are missing");
            for number in missing {
                outstanding.remove(number);
            }
        }
    }

    /// Messages are about to be stored. If they are not, they come again, and keep the places that they have.
    pub(super) fn may_come_again(&self, messages: &[(InboundMessage, Option<i64>)]) {
        let numbered = messages.iter().filter_map(|(message, number)| Some((key(&message.info), (*number)?)));
        self.outstanding().earlier.extend(numbered);
    }

    /// Messages were stored.
    pub(super) fn stored(&self, messages: &[(InboundMessage, Option<i64>)]) {
        let mut outstanding = self.outstanding();
        for (message, _) in messages {
            outstanding.earlier.remove(&key(&message.info));
        }
    }

    /// The message could not be opened: no other waits for it, and it keeps its place for when its sender repeats it.
    pub(super) fn is_unopened(&self, info: &MessageInfo) {
        let mut outstanding = self.outstanding();
        if let Some(number) = outstanding.number(info) {
            outstanding.earlier.insert(key(info), number);
        }
        drop(outstanding);
        self.settle(info);
    }

    /// The message is in the queue, or nothing will come of it. So are those that its task handled before it.
    pub(super) fn settle(&self, info: &MessageInfo) {
        let mut outstanding = self.outstanding();
        if let Some(number) = outstanding.number(info) {
            let done = outstanding.of_same_task_up_to(number);
            for number in done {
                outstanding.remove(number);
            }
            drop(outstanding);
            self.settled.notify_waiters();
        }
    }

    fn outstanding(&self) -> MutexGuard<'_, Outstanding> {
        self.outstanding.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(info: &MessageInfo) -> (String, Jid) {
    (info.id.clone(), info.source.sender.clone())
}

/// A message that waits for its turn.
struct Waiting<'a>(&'a Arrivals);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.outstanding().waiting -= 1;
    }
}

impl Outstanding {
    fn add(&mut self, arrival: Arrival) {
        // It came twice before it was handled once: the first place counts.
        if self.numbers.contains_key(&arrival.key) {
            return;
        }
        // Greater than on an earlier connection, too.
        self.last = (self.last + 1).max(now_millis().saturating_mul(1_000));
        let number = self.earlier.remove(&arrival.key).unwrap_or(self.last);
        self.numbers.insert(arrival.key.clone(), number);
        self.by_number.insert(number, arrival);
        if self.by_number.len() > MAX_OUTSTANDING
            && let Some(oldest) = self.by_number.keys().next().copied()
        {
            self.remove(oldest);
        }
    }

    fn number(&self, info: &MessageInfo) -> Option<i64> {
        self.numbers.get(&key(info)).copied()
    }

    /// The earlier messages of the same second and, as far as the addresses tell, the same chat.
    fn missing_before(&self, number: i64) -> Vec<i64> {
        let Some(own) = self.by_number.get(&number) else { return Vec::new() };
        let before = self.by_number.range(..number).filter(|(_, other)| own.may_follow(other));
        before.map(|(number, _)| *number).collect()
    }

    fn of_same_task_up_to(&self, number: i64) -> Vec<i64> {
        let Some(own) = self.by_number.get(&number) else { return Vec::new() };
        let done = self.by_number.range(..=number).filter(|(_, other)| other.from == own.from);
        done.map(|(number, _)| *number).collect()
    }

    fn remove(&mut self, number: i64) {
        if let Some(arrival) = self.by_number.remove(&number)
            && self.numbers.get(&arrival.key) == Some(&number)
        {
            self.numbers.remove(&arrival.key);
        }
    }
}

impl Arrival {
    /// Reads a message's stanza. `None` if there is nothing in it that could be opened.
    fn read(node: &OwnedNodeRef) -> Option<Self> {
        node.get_optional_child("enc")?;
        let mut attributes = node.attrs();
        let id = attributes.optional_string("id")?.into_owned();
        let from = attributes.optional_jid("from")?;
        let participant = attributes.optional_jid("participant");
        let second = attributes.optional_string("t")?.into_owned();
        let is_direct = !matches!(from.server, Server::Group | Server::Broadcast | Server::Newsletter);
        let peer = is_direct.then(|| attributes.optional_jid("recipient").unwrap_or_else(|| from.clone()).to_non_ad());
        let (sender, from) = (participant.unwrap_or_else(|| from.clone()), from.to_non_ad());
        Some(Self { key: (id, sender), from, peer, second })
    }

    /// Whether it must not overtake the other one.
    fn may_follow(&self, other: &Self) -> bool {
        let (Some(own), Some(others)) = (&self.peer, &other.peer) else { return false };
        // Somebody may be spoken of by number and by LID.
        let may_be_one = own == others || own.server.is_lid_family() != others.server.is_lid_family();
        self.second == other.second && self.from != other.from && may_be_one
    }
}

#[cfg(test)]
mod tests;
