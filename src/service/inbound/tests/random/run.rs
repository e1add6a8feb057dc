//! Plays steps: updates the true state and schedules the deliveries in an order that is possible on WhatsApp.

use std::collections::BTreeSet;

use super::{
    delivery::{Delivery, Envelope, Key, Pending, Point, Schedule},
    model::{Address, Author, BEGIN, PEOPLE, Place, SECOND, Truth},
    steps::{Step, Via},
};

/// An action of the test on the store.
#[derive(Debug, Clone)]
pub(super) enum Act {
    Deliver(Delivery),
    /// A client deletes the chat under each of these addresses.
    DeleteHere(Vec<Address>),
    Restart,
}

/// A story in progress.
pub(super) struct Play {
    pub(super) truth: Truth,
    /// The actions and their times in milliseconds.
    pub(super) acts: Vec<(i64, Act)>,
    /// The addresses of each person that were delivered to the session.
    pub(super) told: Vec<BTreeSet<Address>>,
    /// The same, including scheduled deliveries.
    pub(super) spoken: Vec<BTreeSet<Address>>,
    /// The messages whose revocations were delivered.
    pub(super) revocations: BTreeSet<usize>,
    pub(super) arrived: BTreeSet<usize>,
    pub(super) linked: bool,
    /// The people whose number and LID the session knows as one person's.
    pub(super) met: BTreeSet<usize>,
    /// The people who took another number while no device was linked.
    pub(super) moved_unlinked: BTreeSet<usize>,
    pub(super) schedule: Schedule,
    tick: usize,
    /// The deliveries since the device was linked.
    pub(super) past: Vec<Pending>,
    wrote: bool,
}

impl Play {
    /// Plays a story to its end, when the device is linked and everything is delivered.
    pub(super) fn of(steps: &[Step]) -> Self {
        let mut play = Self {
            truth: Truth::new(),
            acts: vec![(BEGIN, Act::Deliver(Delivery::Paired))],
            told: vec![BTreeSet::new(); PEOPLE],
            spoken: vec![BTreeSet::new(); PEOPLE],
            revocations: BTreeSet::new(),
            arrived: BTreeSet::new(),
            linked: true,
            met: BTreeSet::new(),
            moved_unlinked: BTreeSet::new(),
            schedule: Schedule::default(),
            tick: 0,
            past: Vec::new(),
            wrote: false,
        };
        for step in steps {
            play.step(step);
            play.tick += 1;
            let due = play.schedule.due(play.tick);
            play.deliver_all(due);
        }
        play.end();
        play
    }

    fn end(&mut self) {
        self.truth.now += SECOND;
        if !self.linked {
            self.pair(u64::try_from(self.truth.messages.len()).expect("few"));
        }
        let rest = self.schedule.due(usize::MAX);
        self.deliver_all(rest);
        let first = self.truth.messages.len();
        for person in (0..PEOPLE).map(|person| (person + first) % PEOPLE) {
            let told = &self.told[person];
            if told.contains(&Address::Lid(person)) && told.iter().any(|it| matches!(it, Address::Number(_))) {
                self.learn(person, 0);
            }
        }
        let rest = self.schedule.due(usize::MAX);
        self.deliver_all(rest);
    }

    fn step(&mut self, step: &Step) {
        let Step::Writes { place, author, via, both, retried, same_second } = step else {
            self.truth.now += SECOND;
            self.wrote = false;
            return self.other_step(step);
        };
        let writers = match author {
            Author::Person(person) => vec![*person],
            Author::Account => Vec::new(),
        };
        let with = if let Place::With(person) = place { Some(*person) } else { None };
        if writers.iter().chain(&with).any(|person| self.truth.numbers[*person].is_none()) {
            return;
        }
        if *author == Author::Account && !self.is_number_settled(*place) {
            return;
        }
        // If two chats become one, the order within a second is unknown.
        if !(self.wrote && *same_second && !*retried && self.address_kind(*place, via.lid) == Some(via.lid)) {
            self.truth.now += SECOND;
        }
        // Two messages of one second are in order of arrival.
        self.wrote = !*retried;
        let index = self.truth.write(*place, *author);
        self.truth.messages[index].by_lid = via.lid;
        let envelope = self.envelope(index, via.lid);
        let mut pending = self.pending(Delivery::Message(envelope.clone()), *via, *place);
        pending.about.extend(self.about(index, &envelope));
        pending.retried = *retried;
        if *retried {
            pending.due += 3;
            pending.keys.retain(|key| !matches!(key, Key::Chat(_)));
        }
        if let (true, Author::Person(person)) = (both, author) {
            let (number, lid) = self.addresses(*person);
            pending.fact = Some(Delivery::SamePerson { number, lid, at: self.truth.now });
            pending.about.extend([(*person, number), (*person, lid)]);
            pending.keys.push(Key::Owner(number));
        }
        self.push(pending);
    }

    /// The message with this index as it is delivered now.
    pub(super) fn envelope(&self, index: usize, lid: bool) -> Envelope {
        let message = &self.truth.messages[index];
        let chat = self.address(message.place, lid);
        let sender = match message.author {
            Author::Account if lid => Address::OwnLid,
            Author::Account => Address::OwnNumber,
            Author::Person(person) => self.address(Place::With(person), lid),
        };
        let (text, from_me) = (message.texts[0].clone(), message.author == Author::Account);
        let (id, at) = (message.id.clone(), message.at);
        Envelope { index, id, chat, sender, from_me, text, at, edited: None, revoked: false }
    }

    /// The people named by the addresses of an envelope.
    pub(super) fn about(&self, index: usize, envelope: &Envelope) -> Vec<(usize, Address)> {
        match self.truth.messages[index].author {
            Author::Person(person) => vec![(person, envelope.sender)],
            Author::Account => Vec::new(),
        }
    }

    /// An address of a chat.
    pub(super) fn address(&self, place: Place, lid: bool) -> Address {
        match place {
            Place::Group(group) => Address::Group(group),
            Place::With(person) if lid => Address::Lid(person),
            Place::With(person) => Address::Number(self.truth.numbers[person].expect("only people with a number act")),
        }
    }

    pub(super) fn addresses(&self, person: usize) -> (Address, Address) {
        (self.address(Place::With(person), false), Address::Lid(person))
    }

    /// A delivery about a chat, under the address that `via` selects.
    pub(super) fn pending(&self, delivery: Delivery, via: Via, place: Place) -> Pending {
        let address = self.address(place, via.lid);
        let about = match place {
            Place::With(person) => vec![(person, address)],
            Place::Group(_) => Vec::new(),
        };
        let keys = vec![Key::Chat(place)];
        Pending { delivery, fact: None, about, keys, retried: false, due: self.tick + via.lag }
    }

    /// Schedules a delivery, unless no device is linked.
    pub(super) fn push(&mut self, pending: Pending) {
        if self.linked {
            for (person, address) in &pending.about {
                self.spoken[*person].insert(*address);
            }
            self.schedule.push(pending);
        }
    }

    /// Schedules a report that a number and a LID are one person's.
    pub(super) fn learn(&mut self, person: usize, lag: usize) {
        let (number, lid) = self.addresses(person);
        // A report without delay may have no time.
        let at = if lag == 0 && !self.schedule.has(Key::Owner(number)) { 0 } else { self.truth.now };
        let delivery = Delivery::SamePerson { number, lid, at };
        let (about, keys) = (vec![(person, number), (person, lid)], vec![Key::Owner(number)]);
        self.push(Pending { delivery, fact: None, about, keys, retried: false, due: self.tick + lag });
    }

    pub(super) fn tick(&self) -> usize {
        self.tick
    }

    /// The position of a message in its chat, with all messages of its second up to it.
    pub(super) fn point(&self, index: usize) -> Point {
        let last = &self.truth.messages[index];
        let up_to = self.truth.messages[..=index].iter();
        let second = up_to.filter(|message| message.place == last.place && message.at == last.at);
        Point { at: last.at, ids: second.map(|message| message.id.clone()).collect() }
    }

    /// Schedules a setting that was made on the phone.
    pub(super) fn push_setting(&mut self, place: Place, via: Via, delivery: impl FnOnce(Address) -> Delivery) {
        let address = self.address(place, via.lid);
        let mut pending = self.pending(delivery(address), via, place);
        pending.keys = vec![Key::Settings, Key::Owner(address)];
        self.push(pending);
    }
}
