//! All steps except writing.

use super::{
    delivery::{Delivery, Key, Pending},
    model::{Address, Author, Place, Value, Written},
    run::{Act, Play},
    steps::{Step, Via},
};

impl Play {
    pub(super) fn other_step(&mut self, step: &Step) {
        match step {
            Step::Edits { which, via } => {
                if let Some(index) = self.one_of(*which, |message| !message.revoked) {
                    self.truth.edit(index);
                    let (text, as_of) = (self.truth.messages[index].text.clone(), self.truth.now);
                    let envelope = self.envelope(index, via.lid);
                    self.push_rewriting(index, *via, Delivery::Edit { envelope, text, as_of });
                }
            }
            Step::Revokes { which, via } => {
                if let Some(index) = self.one_of(*which, |message| !message.revoked) {
                    self.truth.messages[index].revoked = true;
                    let envelope = self.envelope(index, via.lid);
                    self.push_rewriting(index, *via, Delivery::Revocation { envelope });
                }
            }
            Step::Receipt { which, via } => {
                let theirs = |message: &Written| message.author != Author::Account;
                // A message is read once; a chat that is marked as unread is read by a setting.
                let fits = |it: &Written| {
                    it.on_phone
                        && !it.revoked
                        && !it.receipt
                        && theirs(it)
                        && self.is_one_chat(it.place)
                        && self.is_number_settled(it.place)
                };
                if let Some(index) = self.one_of(*which, fits) {
                    self.truth.messages[index].receipt = true;
                    let place = self.truth.messages[index].place;
                    self.truth.read(place, index);
                    let chat = Some(if via.lid { self.address(place, false) } else { Address::OwnNumber });
                    let (id, at) = (self.truth.messages[index].id.clone(), self.truth.now);
                    let mut pending = self.pending(Delivery::Receipt { chat, id, at }, *via, place);
                    (pending.keys, pending.about) = (Vec::new(), Vec::new());
                    self.push(pending);
                }
            }
            Step::ReadElsewhere { which, via } => {
                let fits = |it: &Written| it.on_phone && !it.revoked && self.is_number_settled(it.place);
                if let Some(index) = self.one_of(*which, fits) {
                    let place = self.truth.messages[index].place;
                    self.truth.read(place, index);
                    let (as_of, up_to) = (self.truth.now, self.point(index));
                    self.push_setting(place, *via, |chat| Delivery::Read { chat, as_of, up_to });
                }
            }
            Step::LidLearned { person, via } => {
                if self.truth.numbers[*person].is_some() {
                    self.learn(*person, via.lag);
                }
            }
            Step::NumberChanges { person, to, via } => self.change_number(*person, *to, *via),
            Step::NumberRecycled { number } => {
                let new = self.truth.numbers.iter().position(Option::is_none);
                let free = !self.truth.has_owner(*number) && !self.truth.owners[*number].is_empty();
                if let Some(new) = new.filter(|_| free) {
                    self.truth.take_number(new, *number);
                }
            }
            Step::DeletedHere { place } => self.delete_here(*place),
            Step::DeletedOnPhone { place, via } => self.empty(*place, *via, true),
            Step::Cleared { place, via } => self.empty(*place, *via, false),
            Step::Sets { place, value, via } => self.set(*place, *value, *via),
            Step::Unlinked if self.linked => self.unlink(),
            Step::Paired { chance } if !self.linked => self.pair(*chance),
            Step::Writes { .. } | Step::Unlinked | Step::Paired { .. } => {}
            Step::Redelivered { which, other, lag } => {
                let past = self.past();
                if !past.is_empty() {
                    let mut again = past[past.len() - 1 - which % past.len()].clone();
                    again.due = self.tick() + lag;
                    again.fact = None;
                    again.keys.clear();
                    if *other {
                        self.readdress(&mut again);
                    }
                    self.push(again);
                }
            }
            Step::Restarted => self.act(Act::Restart),
        }
    }

    /// One of the messages that match.
    fn one_of(&self, which: usize, fits: impl Fn(&Written) -> bool) -> Option<usize> {
        let all = self.truth.messages.iter().enumerate();
        let fitting: Vec<_> = all.filter(|(_, message)| fits(message)).map(|(index, _)| index).collect();
        (!fitting.is_empty()).then(|| fitting[fitting.len() - 1 - which % fitting.len()])
    }

    /// Returns false if the session may know a person as two chats: a receipt that names a message of both applies to
    /// neither.
    fn is_one_chat(&self, place: Place) -> bool {
        let Place::With(person) = place else { return true };
        self.told[person].len() <= 1 || self.met.contains(&person)
    }

    /// Returns true if no change of the person's number is scheduled. Until it is delivered, messages read under the
    /// number count for its former owner.
    pub(super) fn is_number_settled(&self, place: Place) -> bool {
        let Place::With(person) = place else { return true };
        !self.truth.numbers[person].is_some_and(|number| self.schedule.changes(Address::Number(number)))
    }

    /// The kind of address by which a chat is named, so that it means no other chat. `None` if the session knows the
    /// person as two.
    pub(super) fn address_kind(&self, place: Place, lid: bool) -> Option<bool> {
        let Place::With(person) = place else { return Some(lid) };
        if self.moved_unlinked.contains(&person) {
            return Some(true);
        }
        let alone = |lid: &bool| {
            let address = self.address(place, *lid);
            self.met.contains(&person) || self.spoken[person].iter().all(|spoken| *spoken == address)
        };
        [lid, !lid].into_iter().find(alone)
    }

    fn push_rewriting(&mut self, index: usize, via: Via, delivery: Delivery) {
        let place = self.truth.messages[index].place;
        let mut pending = self.pending(delivery, via, place);
        let envelope = self.envelope(index, via.lid);
        pending.about.extend(self.about(index, &envelope));
        self.push(pending);
    }

    fn change_number(&mut self, person: usize, to: usize, via: Via) {
        let Some(before) = self.truth.numbers[person].filter(|_| !self.truth.has_owner(to)) else { return };
        if !self.linked {
            // The change is not reported to the session, which must know the person by an address that stays.
            let by_number = self.told[person].iter().any(|address| matches!(address, Address::Number(_)));
            if by_number && !self.met.contains(&person) {
                return;
            }
            self.moved_unlinked.insert(person);
        }
        self.truth.take_number(person, to);
        let (before, new, lid) = (Address::Number(before), Address::Number(to), Address::Lid(person));
        let mut old = vec![before];
        let mut about = vec![(person, new)];
        if via.lid {
            old.push(lid);
            about.push((person, lid));
        }
        let delivery = Delivery::NumberChanged { old, new, at: self.truth.now };
        let keys = vec![Key::Owner(before), Key::Owner(new)];
        self.push(Pending { delivery, fact: None, about, keys, retried: false, due: self.tick() + via.lag });
    }

    /// Deletes a chat as a client sees it.
    fn delete_here(&mut self, place: Place) {
        self.settle(Some(place));
        if let Place::With(person) = place
            && !self.told[person].is_empty()
        {
            self.learn(person, 0);
            // The next history may have the deleted messages under another address.
            if !self.linked && !self.met.contains(&person) {
                return;
            }
        }
        // Scheduled messages that are older than the last one count as known.
        self.settle(Some(place));
        let addresses: Vec<_> = match place {
            Place::Group(group) => vec![Address::Group(group)],
            Place::With(person) => {
                let Some(number) = self.truth.numbers[person].map(Address::Number) else { return };
                [number, Address::Lid(person)].into_iter().filter(|it| self.told[person].contains(it)).collect()
            }
        };
        self.act(Act::DeleteHere(addresses));
        for index in &self.arrived {
            let message = &mut self.truth.messages[*index];
            message.deleted_here |= message.place == place;
        }
    }

    fn empty(&mut self, place: Place, via: Via, deleted: bool) {
        let Some(last) = self.truth.on_phone(place).next_back() else { return };
        let up_to = self.point(last);
        self.truth.empty(place, last, deleted);
        let as_of = self.truth.now;
        self.push_setting(place, via, |chat| Delivery::Emptied { chat, up_to, as_of, deleted });
    }

    fn set(&mut self, place: Place, value: Value, via: Via) {
        let Some(last) = self.truth.on_phone(place).next_back() else { return };
        if let Value::MarkedUnread(marked) = value {
            // A phone offers the mark only for a chat that is read.
            if marked && self.truth.unread(place) > 0 {
                return;
            }
            self.truth.read(place, last);
        }
        self.truth.set(place, value);
        let (as_of, replayed) = (self.truth.now, false);
        let up_to = matches!(value, Value::MarkedUnread(_)).then(|| self.point(last));
        self.push_setting(place, via, |chat| Delivery::Setting { chat, value, as_of, up_to, replayed });
    }

    /// The same message in a direct chat under the person's other address.
    fn readdress(&self, again: &mut Pending) {
        let Delivery::Message(envelope) = &mut again.delivery else { return };
        let Place::With(person) = self.truth.messages[envelope.index].place else { return };
        // Under an address that the person had at that time, and not in a second chat if a receipt named the message.
        let message = &self.truth.messages[envelope.index];
        let gone = (!message.on_phone || message.deleted_here) && !self.met.contains(&person);
        if self.truth.has_moved(person) || message.receipt || gone {
            return;
        }
        let lid = matches!(envelope.chat, Address::Number(_));
        envelope.chat = self.address(Place::With(person), lid);
        envelope.sender = match (envelope.from_me, lid) {
            (true, true) => Address::OwnLid,
            (true, false) => Address::OwnNumber,
            (false, _) => envelope.chat,
        };
        again.about = vec![(person, envelope.chat)];
    }
}
