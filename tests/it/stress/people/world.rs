//! The simulated people, and their actions.

use chatgraph_sandbox::{
    AccountSpec, Error, Phone, ReceiptForm,
    spec::{Addressing, ContactSpec, GroupSpec},
};

use super::super::random::Random;
use crate::support::OWNER;

const GROUP: &str = "120363000000000009@g.us";
/// A group member that is known by LID only.
const HIDDEN: &str = "200000000000190@lid";

/// Returns an account with three contacts, one of them also known by LID, and a group that is addressed by LID.
pub(super) fn account() -> AccountSpec {
    let mut account = crate::support::account(OWNER, "Alex Example");
    account.contacts[0].lid = Some("200000000000111".to_owned());
    account.contacts.push(ContactSpec { phone: "15550188".to_owned(), ..ContactSpec::default() });
    account.groups.push(GroupSpec {
        jid: GROUP.to_owned(),
        subject: "Choir".to_owned(),
        participants: vec!["15550111".to_owned(), HIDDEN.to_owned()],
        addressing_mode: Addressing::Lid,
    });
    account
}

struct TestPerson {
    number: String,
    lid: String,
    /// True if the phone knows that both addresses are one person.
    is_known: bool,
}

impl TestPerson {
    fn by_number(&self) -> String {
        format!("{}@s.whatsapp.net", self.number)
    }

    fn by_lid(&self) -> String {
        format!("{}@lid", self.lid)
    }
}

/// All people, and the phone that they write to.
pub(super) struct World {
    pub(super) phone: Phone,
    people: Vec<TestPerson>,
    /// Numbers that are no longer in use.
    free: Vec<String>,
    /// Messages that the companions have not received yet.
    late: Vec<String>,
    next: u64,
}

impl World {
    pub(super) fn new(phone: Phone) -> Self {
        let person = |number: &str, is_known| TestPerson {
            number: number.to_owned(),
            lid: format!("200000000000{}", &number[5..]),
            is_known,
        };
        let people = vec![person("15550111", true), person("15550112", false), person("15550188", false)];
        Self { phone, people, free: Vec::new(), late: Vec::new(), next: 0 }
    }

    fn some<'a, T>(random: &mut Random, all: &'a [T]) -> Option<&'a T> {
        let count = u64::try_from(all.len()).expect("few");
        (count > 0).then(|| &all[usize::try_from(random.below(count)).expect("few")])
    }

    fn text(&mut self) -> String {
        self.next += 1;
        format!("line {}", self.next)
    }

    /// Writes a message, from a person by number or LID, or from the owner; some are delayed, if `may_be_late` is set.
    pub(super) async fn person_writes(&mut self, random: &mut Random, may_be_late: bool) -> String {
        let text = self.text();
        let person = Self::some(random, &self.people).expect("people");
        let chat = if random.below(2) == 0 { person.by_number() } else { person.by_lid() };
        let from = if random.below(3) == 0 { OWNER } else { &chat };
        if may_be_late && from != OWNER && random.below(8) == 0 {
            let id = self.phone.receive_late(from, &chat, &text).await.expect("written");
            self.late.push(id);
            return format!("{chat} writes {text:?}, which is delayed");
        }
        self.phone.receive(from, &chat, &text).await.expect("written");
        format!("{from} writes {text:?} in {chat}")
    }

    pub(super) async fn writes_in_the_group(&mut self, random: &mut Random) -> String {
        let text = self.text();
        let mei = self.people[0].number.clone();
        let from = *Self::some(random, &[OWNER, HIDDEN, &mei]).expect("three");
        self.phone.receive(from, GROUP, &text).await.expect("written");
        format!("{from} writes {text:?} in the group")
    }

    /// Returns a message that was not revoked.
    fn message(&self, random: &mut Random) -> Option<(String, String)> {
        let mut all = Vec::new();
        for chat in self.phone.chats() {
            let messages = self.phone.messages(&chat.jid).unwrap_or_default();
            all.extend(messages.into_iter().filter_map(|message| Some((message.id, message.text?))));
        }
        // The chats are ordered by their last messages, which depends on the time.
        all.sort_by(|one, other| one.1.cmp(&other.1));
        Self::some(random, &all).cloned()
    }

    pub(super) async fn edits(&mut self, random: &mut Random) -> String {
        let Some((id, text)) = self.message(random) else { return "nothing to edit".to_owned() };
        self.phone.edit(&id, &format!("{text}!")).await.expect("edited");
        format!("{text:?} is edited")
    }

    pub(super) async fn revokes(&mut self, random: &mut Random) -> String {
        let Some((id, text)) = self.message(random) else { return "nothing to revoke".to_owned() };
        self.phone.revoke(&id, None).await.expect("revoked");
        format!("{text:?} is revoked")
    }

    /// Delivers a delayed message, or delivers a known one again.
    pub(super) async fn delivers_again(&mut self, random: &mut Random) -> String {
        if let Some(id) = self.late.pop() {
            self.deliver(&id).await;
            return "a delayed message is delivered".to_owned();
        }
        let Some((id, text)) = self.message(random) else { return "nothing to deliver".to_owned() };
        self.deliver(&id).await;
        format!("{text:?} is delivered again")
    }

    async fn deliver(&self, id: &str) {
        match self.phone.deliver_again(id).await {
            // Its chat may have been deleted meanwhile.
            Ok(()) | Err(Error::UnknownMessage(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// Delivers all delayed messages.
    pub(super) async fn deliver_delayed(&mut self) {
        for id in std::mem::take(&mut self.late) {
            self.deliver(&id).await;
        }
    }

    pub(super) async fn learns(&mut self, random: &mut Random) -> String {
        let told = random.below(2) == 0;
        let Some(person) = self.people.iter_mut().find(|person| !person.is_known) else {
            return "nobody to learn about".to_owned();
        };
        person.is_known = true;
        self.phone.learn(&person.lid, &person.number, told).await.expect("learned");
        let (done, lid) = (format!("the phone learns that {} is {}", person.lid, person.number), person.by_lid());
        if told {
            return format!("{done}, and announces it");
        }
        // The companions learn of it with the next message.
        let text = self.text();
        self.phone.receive(&lid, &lid, &text).await.expect("written");
        format!("{done}; {lid} writes {text:?}")
    }

    pub(super) async fn changes_number(&mut self, random: &mut Random) -> String {
        self.next += 1;
        let new = format!("1555{:04}", 2000 + self.next);
        let place = usize::try_from(random.below(u64::try_from(self.people.len()).expect("few"))).expect("few");
        let old = std::mem::replace(&mut self.people[place].number, new.clone());
        self.phone.change_number(&old, &new).await.expect("changed");
        self.free.push(old.clone());
        format!("{old} goes to {new}")
    }

    pub(super) async fn reassigns_number(&mut self, random: &mut Random) -> String {
        if self.free.is_empty() {
            return "no number is free".to_owned();
        }
        let count = u64::try_from(self.free.len()).expect("few");
        let number = self.free.swap_remove(usize::try_from(random.below(count)).expect("few"));
        self.next += 1;
        let lid = format!("{}", 200_000_000_001_000 + self.next);
        self.phone.give_number(&number, Some(&lid), None).await.expect("given");
        let told = format!("a new person gets {number}, with the LID {lid}");
        self.people.push(TestPerson { number, lid, is_known: true });
        told
    }

    pub(super) async fn deletes(&mut self, random: &mut Random) -> String {
        self.deliver_delayed().await;
        let Some(chat) = self.chat(random) else { return "no chat to delete".to_owned() };
        self.phone.delete(&chat, None).await.expect("deleted");
        format!("the phone deletes {chat}")
    }

    pub(super) async fn reads(&mut self, random: &mut Random) -> String {
        let Some(chat) = self.chat(random) else { return "no chat to read".to_owned() };
        if random.below(2) == 0 {
            self.phone.mark_read(&chat, true).await.expect("read");
            return format!("the owner reads {chat}");
        }
        // There may be no message from other people in it.
        let _ = self.phone.read_elsewhere(&chat, None, ReceiptForm::Read).await;
        format!("another device reads {chat}")
    }

    /// Returns a chat with a message.
    pub(super) fn chat(&self, random: &mut Random) -> Option<String> {
        let chats = self.phone.chats().into_iter().filter(|chat| chat.last_message_at.is_some());
        let mut chats: Vec<_> = chats.map(|chat| chat.jid).collect();
        chats.sort();
        Self::some(random, &chats).cloned()
    }
}
