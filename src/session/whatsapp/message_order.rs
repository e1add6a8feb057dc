//! Delivery order of messages.
//!
//! The library processes the messages of each address in its own task, so that the two sides of a direct chat arrive in
//! any order. Timestamps are whole seconds. Only the delivery order shows which of two messages was first, and whether
//! a message could be read when the owner answered. It is taken from the raw stanzas and restored here.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::timeout};
use tracing::debug;
use whatsapp_rust::{
    Jid, OwnedNodeRef, Server,
    types::{events::InboundMessage, message::MessageInfo},
    wacore::time::now_millis,
    wacore_binary::JidExt as _,
};

/// Time for which a message waits for earlier ones. Some never arrive: they are known already or only carry keys.
const WAIT_TIMEOUT: Duration = Duration::from_secs(2);
/// Maximum number of waiting messages: each occupies one of the library's 64 slots, and the awaited messages need some.
const MAX_WAITING: usize = 16;
/// Maximum number of tracked messages. The offline queue is fetched by a few hundred at a time.
const MAX_OUTSTANDING: usize = 20_000;

/// Messages of a session from their stanza until they are in the queue. A message that was late, or that a connection
/// did not process, keeps its position.
#[derive(Default)]
pub(super) struct MessageOrder {
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
    /// Positions of messages that no other one waits for, but that may still come: on this connection or the next.
    reserved: HashMap<(String, Jid), i64>,
}

/// A message sent by WhatsApp.
struct Arrival {
    /// Its id and sender.
    key: (String, Jid),
    /// Address whose task in the library processes it.
    from: Jid,
    /// Peer of a direct chat; `None` for other chats, in which one task processes all sides.
    peer: Option<Jid>,
    /// Timestamp in seconds, as received.
    second: String,
}

impl MessageOrder {
    /// Registers a stanza. Must be called in the order of the wire.
    pub(super) fn comes(&self, node: &OwnedNodeRef) {
        match node.tag() {
            // Messages that an earlier connection did not process are delivered again on this one.
            "success" => {
                let mut outstanding = self.outstanding();
                outstanding.by_number.clear();
                for (key, number) in std::mem::take(&mut outstanding.numbers) {
                    outstanding.reserve(key, number);
                }
                outstanding.caught_up = false;
            }
            "message" => {
                if let Some(arrival) = Arrival::read(node) {
                    self.outstanding().add(arrival);
                }
            }
            _ => {}
        }
    }

    /// Marks the offline queue as processed: from now on the library processes messages in parallel.
    pub(super) fn caught_up(&self) {
        self.outstanding().caught_up = true;
    }

    /// Sorts messages that are stored together by WhatsApp's order, and returns their positions.
    pub(super) fn in_order(&self, messages: &[InboundMessage]) -> Vec<(InboundMessage, Option<i64>)> {
        let outstanding = self.outstanding();
        let mut before = 0;
        let numbered = messages.iter().map(|message| {
            let number = outstanding.number(&message.info);
            // A message without a known stanza stays after the one before it.
            before = number.unwrap_or(before);
            (before, (message.clone(), number))
        });
        let mut numbered: Vec<_> = numbered.collect();
        numbered.sort_by_key(|(place, _)| *place);
        numbered.into_iter().map(|(_, message)| message).collect()
    }

    /// Waits until no earlier message of the same second can be missing in the message's chat, or until the timeout.
    ///
    /// Does not wait while the library processes the offline queue: it handles one message at a time then.
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
                if let Some(late) = outstanding.remove(number) {
                    outstanding.reserve(late.key, number);
                }
            }
        }
    }

    /// Registers messages that are about to be stored. If that fails, they are delivered again and keep their
    /// positions.
    pub(super) fn may_come_again(&self, messages: &[(InboundMessage, Option<i64>)]) {
        let mut outstanding = self.outstanding();
        for (message, number) in messages {
            if let Some(number) = number {
                outstanding.reserve(key(&message.info), *number);
            }
        }
    }

    /// Removes stored messages.
    pub(super) fn stored(&self, messages: &[(InboundMessage, Option<i64>)]) {
        let mut outstanding = self.outstanding();
        for (message, _) in messages {
            outstanding.reserved.remove(&key(&message.info));
        }
    }

    /// Registers a message that could not be decrypted: others do not wait for it, and it keeps its position for the
    /// sender's retry.
    pub(super) fn is_unopened(&self, info: &MessageInfo) {
        let mut outstanding = self.outstanding();
        if let Some(number) = outstanding.number(info) {
            outstanding.reserve(key(info), number);
        }
        drop(outstanding);
        self.settle(info);
    }

    /// Registers that the message is in the queue or will never be. The same holds for earlier messages of its task.
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

/// A message that waits for earlier ones.
struct Waiting<'a>(&'a MessageOrder);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.outstanding().waiting -= 1;
    }
}

impl Outstanding {
    fn add(&mut self, arrival: Arrival) {
        // A duplicate before processing keeps the first position.
        if self.numbers.contains_key(&arrival.key) {
            return;
        }
        // Also greater than on an earlier connection.
        self.last = (self.last + 1).max(now_millis().saturating_mul(1_000));
        let number = self.reserved.remove(&arrival.key).unwrap_or(self.last);
        self.numbers.insert(arrival.key.clone(), number);
        self.by_number.insert(number, arrival);
        if self.by_number.len() > MAX_OUTSTANDING
            && let Some(oldest) = self.by_number.keys().next().copied()
        {
            self.remove(oldest);
        }
    }

    fn number(&self, info: &MessageInfo) -> Option<i64> {
        let key = key(info);
        self.numbers.get(&key).or_else(|| self.reserved.get(&key)).copied()
    }

    fn reserve(&mut self, key: (String, Jid), number: i64) {
        if self.reserved.len() >= MAX_OUTSTANDING {
            self.reserved.clear();
        }
        self.reserved.insert(key, number);
    }

    /// Returns the earlier messages of the same second and possibly the same chat, judging by the addresses.
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

    fn remove(&mut self, number: i64) -> Option<Arrival> {
        let arrival = self.by_number.remove(&number)?;
        if self.numbers.get(&arrival.key) == Some(&number) {
            self.numbers.remove(&arrival.key);
        }
        Some(arrival)
    }
}

impl Arrival {
    /// Parses a message's stanza. `None` if it has no encrypted content.
    fn read(node: &OwnedNodeRef) -> Option<Self> {
        node.get_optional_child("enc")?;
        let mut attributes = node.attrs();
        let id = attributes.optional_string("id")?.into_owned();
        let from = attributes.optional_jid("from")?;
        let participant = attributes.optional_jid("participant");
        let second = attributes.optional_string("t")?.into_owned();
        let recipient = attributes.optional_jid("recipient");
        let peer = match from.server {
            Server::Group | Server::Newsletter => None,
            // A message that another person sends to a broadcast list is in the direct chat with them.
            Server::Broadcast => participant.as_ref().filter(|_| !from.is_status_broadcast()).map(Jid::to_non_ad),
            _ => Some(recipient.as_ref().unwrap_or(&from).to_non_ad()),
        };
        let (sender, from) = (participant.unwrap_or_else(|| from.clone()), from.to_non_ad());
        Some(Self { key: (id, sender), from, peer, second })
    }

    /// Returns whether it must not overtake the other one.
    fn may_follow(&self, other: &Self) -> bool {
        let (Some(own), Some(others)) = (&self.peer, &other.peer) else { return false };
        // The same person may be addressed by number and by LID.
        let may_be_one = own == others || own.server.is_lid_family() != others.server.is_lid_family();
        self.second == other.second && self.from != other.from && may_be_one
    }
}

#[cfg(test)]
mod tests;
