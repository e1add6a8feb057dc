//! Compares the view of a client with the true state.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait as _, DatabaseConnection, Statement};

use super::{
    model::{Address, Author, BEGIN, MUTE_END, NUMBERS, PEOPLE, Place, Written},
    run::Play,
    wire::{Stage, jid},
    *,
};
use crate::{
    domain::{
        chat_list::{ChatFilter, ChatList},
        chat_view::ChatColumns,
        message::Message,
        page::{Direction, PageRequest},
    },
    store::broken_rules,
};

/// Differences between the view of a client and the true state.
pub(super) struct Comparison<'a> {
    play: &'a Play,
    chats: BTreeMap<ChatId, (Chat, Vec<Message>)>,
    differences: Vec<String>,
}

impl<'a> Comparison<'a> {
    /// Reads all chats of the session as a client does.
    pub(super) async fn read(play: &'a Play, stage: &Stage<'_>) -> Self {
        let organization = &stage.key.organization;
        let filter = ChatFilter { include_empty: true, ..ChatFilter::default() };
        let list = ChatList { session: Some(stage.key.session), filter, ..ChatList::default() };
        let page = PageRequest { limit: 100, direction: Direction::Forward, cursor: None };
        let read = stage.store.chat_pages(organization, &[(list, page)], ChatColumns::all(), BEGIN).await;
        let mut chats = BTreeMap::new();
        for listed in read.expect("a list").pages.into_iter().flat_map(|page| page.items) {
            let chat = stage.store.chat_by_id(organization, listed.chat.id).await.expect("a read").expect("the chat");
            let page = PageRequest { limit: 1_000, direction: Direction::Backward, cursor: None };
            let pages = stage.store.messages(organization, &[(chat.id, page)]).await.expect("a page");
            let mut messages: Vec<_> = pages.into_iter().flat_map(|page| page.items).collect();
            messages.sort_by_key(Message::key);
            chats.insert(chat.id, (chat, messages));
        }
        Self { play, chats, differences: Vec::new() }
    }

    /// Compares everything. Returns all differences as an error, if there are any.
    pub(super) async fn run(mut self, stage: &Stage<'_>, database: &DatabaseConnection) -> Result<(), String> {
        self.differences.extend(broken_rules(database).await.expect("checked"));
        let mut taken = BTreeSet::new();
        for place in (0..PEOPLE).map(Place::With).chain([Place::Group(0)]) {
            self.place(place, stage, &mut taken).await;
        }
        self.senders();
        self.once();
        let extra = self.chats.values().filter(|(chat, messages)| !taken.contains(&chat.id) && !messages.is_empty());
        let extra: Vec<_> =
            extra.map(|(chat, messages)| format!("a chat too many, {}: {}", chat.jid, ids(messages))).collect();
        self.differences.extend(extra);
        self.addresses(stage, database).await;
        if self.differences.is_empty() { Ok(()) } else { Err(self.differences.join("\n")) }
    }

    /// Checks that a chat is found by every address that it has and that the session knows.
    async fn place(&mut self, place: Place, stage: &Stage<'_>, taken: &mut BTreeSet<ChatId>) {
        let visible = self.play.truth.visible(place);
        let must_exist = visible.iter().any(|message| !may_be_missing(message));
        let addresses = match place {
            Place::Group(group) => vec![Address::Group(group)],
            Place::With(person) => {
                let number = self.play.truth.numbers[person].map(Address::Number);
                let current: Vec<_> = number.into_iter().chain([Address::Lid(person)]).collect();
                current.into_iter().filter(|address| self.play.told[person].contains(address)).collect()
            }
        };
        let mut found = BTreeSet::new();
        for address in &addresses {
            let SessionKey { organization, session } = &stage.key;
            match stage.store.chat(organization, *session, &jid(*address)).await.expect("a read") {
                Some(chat) => {
                    found.insert(chat.id);
                }
                None if must_exist => self.differences.push(format!("{place:?} is not found by {address:?}")),
                None => {}
            }
        }
        if found.len() > 1 {
            self.differences.push(format!("{place:?} is {} chats", found.len()));
        }
        for id in found {
            if !taken.insert(id) {
                self.differences.push(format!("{place:?} is the chat of another person, too"));
            }
            self.messages(place, id, &visible);
            if must_exist {
                self.settings(place, id);
            }
        }
    }

    fn messages(&mut self, place: Place, id: ChatId, visible: &[&Written]) {
        // A chat without messages and without a name is not listed.
        let Some((_, stored)) = self.chats.get(&id) else {
            if visible.iter().any(|message| !may_be_missing(message)) {
                self.differences.push(format!("{place:?} is not listed"));
            }
            return;
        };
        let truth: Vec<_> = visible
            .iter()
            .filter(|message| !may_be_missing(message) || stored.iter().any(|it| it.wa_id == message.id))
            .collect();
        let expected: Vec<_> = truth.iter().map(|message| message.id.as_str()).collect();
        let actual: Vec<_> = stored.iter().map(|message| message.wa_id.as_str()).collect();
        if expected != actual {
            return self.differences.push(format!("{place:?} has {actual:?}, not {expected:?}"));
        }
        for (message, stored) in truth.into_iter().zip(stored) {
            let text = (!message.revoked).then_some(&message.text);
            if stored.text.as_ref() != text || stored.revoked != message.revoked {
                let (text, revoked) = (&stored.text, stored.revoked);
                let now = if message.revoked { "revoked" } else { &message.text };
                self.differences.push(format!("{} says {text:?}, revoked {revoked}, not {now:?}", message.id));
            }
            if stored.from_me != (message.author == Author::Account) || stored.at != message.at {
                self.differences.push(format!("{} is of {:?} at {}", message.id, message.author, message.at));
            }
        }
    }

    fn settings(&mut self, place: Place, id: ChatId) {
        let Some((chat, _)) = self.chats.get(&id) else { return };
        let phone = &self.play.truth.chats[&place];
        let expected = (phone.archived.value, phone.pinned.value, phone.muted.value.then_some(MUTE_END));
        let actual = (chat.settings.archived.value, chat.settings.pinned.value, chat.settings.muted_until.value);
        if actual != expected {
            self.differences.push(format!("{place:?}: archived, pinned, muted {actual:?}, not {expected:?}"));
        }
        let unread = self.play.truth.unread(place);
        if usize::try_from(chat.unread_count) != Ok(unread) {
            self.differences.push(format!("{place:?}: {} unread, not {unread}", chat.unread_count));
        }
        if chat.settings.marked_unread.value != phone.marked.value {
            self.differences.push(format!("{place:?}: marked as unread is not {}", phone.marked.value));
        }
    }

    /// Checks that an author has the same address everywhere, which is no other author's.
    fn senders(&mut self) {
        let mut senders: BTreeMap<Author, BTreeSet<String>> = BTreeMap::new();
        for stored in self.chats.values().flat_map(|(_, messages)| messages) {
            if let Some(message) = self.play.truth.messages.iter().find(|message| message.id == stored.wa_id) {
                senders.entry(message.author).or_default().insert(stored.sender.to_string());
            }
        }
        let mut taken = BTreeSet::new();
        for (author, senders) in senders {
            if senders.len() > 1 {
                self.differences.push(format!("{author:?} goes by {senders:?}"));
            }
            for sender in senders {
                if !self.belongs(author, &sender) {
                    self.differences.push(format!("{author:?} goes by {sender}, which is not theirs"));
                }
                if !taken.insert(sender.clone()) {
                    self.differences.push(format!("{author:?} goes by {sender}, as another author does"));
                }
            }
        }
    }

    fn belongs(&self, author: Author, sender: &str) -> bool {
        let addresses = match author {
            Author::Account => vec![Address::OwnNumber, Address::OwnLid],
            Author::Person(person) => {
                let had = (0..NUMBERS).filter(|number| self.play.truth.owners[*number].contains(&person));
                had.map(Address::Number).chain([Address::Lid(person)]).collect()
            }
        };
        addresses.into_iter().any(|address| address.text() == sender)
    }

    /// Checks that no message is stored twice.
    fn once(&mut self) {
        let mut seen = BTreeSet::new();
        let all = self.chats.values().flat_map(|(_, messages)| messages);
        let again: BTreeSet<_> = all.map(|message| &message.wa_id).filter(|id| !seen.insert(*id)).collect();
        self.differences.extend(again.iter().map(|id| format!("{id} is stored twice")));
    }

    /// Checks that no address belongs to both a deleted and an existing chat.
    async fn addresses(&mut self, stage: &Stage<'_>, database: &DatabaseConnection) {
        let session =
            stage.key.session.to_bytes().iter().fold(String::new(), |written, byte| format!("{written}{byte:02x}"));
        let blob = if crate::store::tests::on_postgres() { format!("'\\x{session}'") } else { format!("x'{session}'") };
        let both = format!(
            "SELECT a.jid FROM peer_address a JOIN peer p ON p.id = a.peer_id \
             JOIN tombstone t ON t.chat_id = p.chat_id \
             JOIN peer_address b ON b.session_id = a.session_id AND b.jid = a.jid AND b.until_at IS NULL \
             JOIN peer q ON q.id = b.peer_id JOIN chat c ON c.id = q.chat_id AND c.organization <> '' \
             WHERE a.until_at IS NULL AND a.session_id = {blob}"
        );
        let query = Statement::from_string(database.get_database_backend(), both);
        for row in database.query_all_raw(query).await.expect("a read") {
            let jid: String = row.try_get("", "jid").expect("a JID");
            self.differences.push(format!("{jid} is a deleted chat's and a living one's"));
        }
    }
}

/// Returns true if a message may be missing: it was revoked before it was delivered.
fn may_be_missing(message: &Written) -> bool {
    message.revoked && !message.delivered
}

fn ids(messages: &[Message]) -> String {
    messages.iter().map(|message| message.wa_id.as_str()).collect::<Vec<_>>().join(" ")
}
