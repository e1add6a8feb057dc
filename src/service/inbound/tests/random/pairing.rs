//! Pairing again: the phone sends its history, and WhatsApp replays the settings.

use super::{
    delivery::{Delivery, HistoryPart, Key, Pending},
    model::{Address, Author, PEOPLE, Place, Value},
    run::{Act, Play},
    steps::Via,
};

/// Random bits.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % bound
    }

    fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            let other = self.below(last + 1);
            all.swap(last, other);
        }
    }
}

impl Play {
    pub(super) fn pair(&mut self, chance: u64) {
        self.linked = true;
        self.act(Act::Deliver(Delivery::Paired));
        let mut chance = Chance(chance);
        let settings = self.settings(&mut chance);
        if chance.below(2) == 0 {
            self.replay(settings);
            self.send_history(&mut chance);
        } else {
            self.send_history(&mut chance);
            self.replay(settings);
        }
    }

    fn send_history(&mut self, chance: &mut Chance) {
        let mut places: Vec<_> = self.truth.chats.keys().copied().collect();
        places.retain(|place| self.exists(*place));
        chance.shuffle(&mut places);
        let cut = chance.below(places.len() + 1);
        let mut people = self.people(chance);
        for places in [&places[..cut], &places[cut..]] {
            let (mut chats, mut about, mut keys) = (Vec::new(), Vec::new(), Vec::new());
            for place in places {
                chats.push(self.part(*place, chance, &mut about));
                keys.push(Key::Chat(*place));
            }
            let told = std::mem::take(&mut people);
            let pairs: Vec<_> = told.iter().map(|person| self.addresses(*person)).collect();
            for (person, (number, lid)) in told.into_iter().zip(&pairs) {
                about.extend([(person, *number), (person, *lid)]);
            }
            let delivery = Delivery::History { people: pairs, chats };
            self.push(Pending { delivery, fact: None, about, keys, retried: false, due: self.tick() });
        }
    }

    /// The people whose two addresses the phone reports: a random selection, and all whose number changed while no
    /// device was linked.
    fn people(&mut self, chance: &mut Chance) -> Vec<usize> {
        let moved = std::mem::take(&mut self.moved_unlinked);
        let active = (0..PEOPLE).filter(|person| self.truth.numbers[*person].is_some());
        active.filter(|person| moved.contains(person) || chance.below(2) == 0).collect()
    }

    /// Returns true if the phone lists the chat.
    fn exists(&self, place: Place) -> bool {
        let cleared =
            self.truth.chats.get(&place).and_then(|chat| chat.emptied).is_some_and(|(_, _, deleted)| !deleted);
        cleared || self.truth.on_phone(place).next().is_some()
    }

    fn part(&self, place: Place, chance: &mut Chance, about: &mut Vec<(usize, Address)>) -> HistoryPart {
        let chat = &self.truth.chats[&place];
        let former = |person| self.truth.may_be_of_former_owner(person);
        let lid = chance.below(2) == 0 || matches!(place, Place::With(person) if former(person));
        let address = self.address(place, lid);
        if let Place::With(person) = place {
            about.push((person, address));
        }
        let mut messages = Vec::new();
        for index in self.truth.on_phone(place).rev() {
            let message = &self.truth.messages[index];
            let by_lid = match (place, message.author) {
                (Place::With(_), _) => lid,
                // Unless the session knows that both addresses are one person's.
                (_, Author::Person(person)) if !self.met.contains(&person) => message.by_lid,
                _ => chance.below(2) == 0,
            };
            let mut envelope = self.envelope(index, by_lid);
            if let Author::Person(person) = message.author {
                about.push((person, envelope.sender));
            } else {
                envelope.sender = Address::OwnNumber;
            }
            envelope.text.clone_from(&message.text);
            (envelope.edited, envelope.revoked) = (message.edited, message.revoked);
            messages.push(envelope);
        }
        HistoryPart {
            chat: address,
            archived: chat.archived.value,
            pinned: chat.pinned.value.then_some(chat.pinned.at),
            muted: chat.muted.value,
            marked: chat.marked.value,
            unread: self.truth.unread(place),
            last_at: messages.first().map(|message| message.at),
            messages,
        }
    }

    /// All settings again, in any order.
    fn settings(&self, chance: &mut Chance) -> Vec<(Place, Via, Delivery)> {
        let mut all = Vec::new();
        for (place, chat) in self.truth.chats.clone() {
            let wish = chance.below(2) == 0;
            let alone = self.address_kind(place, wish);
            let via = Via { lid: alone.unwrap_or(wish), lag: 0 };
            let address = self.address(place, via.lid);
            if let Some((as_of, last, deleted)) = chat.emptied {
                all.push((place, via, Delivery::Emptied { chat: address, up_to: self.point(last), as_of, deleted }));
            }
            if !self.exists(place) {
                continue;
            }
            let values = [
                (Value::Archived(chat.archived.value), chat.archived.at),
                (Value::Pinned(chat.pinned.value), chat.pinned.at),
                (Value::Muted(chat.muted.value), chat.muted.at),
            ];
            for (value, as_of) in values.into_iter().filter(|(_, as_of)| *as_of > 0) {
                all.push((place, via, Delivery::Setting { chat: address, value, as_of, up_to: None, replayed: true }));
            }
            if chat.marked.at > 0 && chat.read > 0 {
                let (value, as_of) = (Value::MarkedUnread(chat.marked.value), chat.marked.at);
                let up_to = Some(self.point(chat.read - 1));
                all.push((place, via, Delivery::Setting { chat: address, value, as_of, up_to, replayed: true }));
            }
        }
        chance.shuffle(&mut all);
        all
    }

    fn replay(&mut self, settings: Vec<(Place, Via, Delivery)>) {
        for (place, via, delivery) in settings {
            self.push_setting(place, via, |_| delivery);
        }
    }
}
