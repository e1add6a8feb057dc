//! The link of the device: deliveries over it, and deliveries lost with it.

use super::{
    delivery::{Delivery, Pending},
    model::{Address, Place},
    run::{Act, Play},
};

impl Play {
    /// Delivers all scheduled facts about addresses, retried deliveries, and all messages of this chat.
    pub(super) fn settle(&mut self, chat: Option<Place>) {
        let facts = self.schedule.facts(chat);
        self.deliver_all(facts);
    }

    pub(super) fn deliver_all(&mut self, all: Vec<Pending>) {
        for pending in all {
            for (person, address) in &pending.about {
                self.told[*person].insert(*address);
            }
            if let Some(fact) = &pending.fact {
                self.note(fact);
                self.act(Act::Deliver(fact.clone()));
            }
            self.note(&pending.delivery);
            self.act(Act::Deliver(pending.delivery.clone()));
            self.past.push(pending);
        }
    }

    fn note(&mut self, delivery: &Delivery) {
        match delivery {
            Delivery::Message(envelope) => self.arrives(envelope.index),
            Delivery::SamePerson { lid: Address::Lid(person), .. } => {
                self.met.insert(*person);
            }
            Delivery::History { people, chats, .. } => {
                for (_, lid) in people {
                    if let Address::Lid(person) = lid {
                        self.met.insert(*person);
                    }
                }
                for envelope in chats.iter().flat_map(|chat| &chat.messages) {
                    if envelope.revoked {
                        self.revocations.insert(envelope.index);
                    }
                    self.arrives(envelope.index);
                }
            }
            Delivery::Revocation { envelope, .. } => {
                self.revocations.insert(envelope.index);
            }
            _ => {}
        }
    }

    fn arrives(&mut self, index: usize) {
        self.arrived.insert(index);
        if !self.revocations.contains(&index) {
            self.truth.messages[index].delivered = true;
        }
    }

    /// Ends the link: scheduled deliveries are lost, except for addresses of people, deletions on the phone and retried
    /// deliveries.
    pub(super) fn unlink(&mut self) {
        self.settle(None);
        self.schedule.clear();
        self.past.clear();
        self.linked = false;
        self.act(Act::Deliver(Delivery::LoggedOut));
    }

    pub(super) fn act(&mut self, act: Act) {
        self.acts.push((self.truth.now, act));
    }

    /// Deliveries since the device was linked that may be repeated.
    pub(super) fn past(&self) -> Vec<&Pending> {
        let again = |pending: &&Pending| {
            matches!(
                &pending.delivery,
                Delivery::Message(_)
                    | Delivery::Edit { .. }
                    | Delivery::Revocation { .. }
                    | Delivery::Receipt { .. }
                    | Delivery::NumberChanged { .. }
            )
        };
        self.past.iter().filter(again).collect()
    }
}
