//! Delivery and read receipts of the recipients of the owner's messages.

use super::{
    Phone,
    account::Account,
    state::{Person, PhoneState},
};
use crate::{
    Error,
    chat::ChatKind,
    clock,
    companion::queue::{Content, Item},
    lock::locked,
    wire::node::{Node, node},
};

impl Account {
    /// Sends the delivery receipts of all recipients to the companion that wrote the message.
    pub(crate) fn delivered(&self, author: u16, chat: &str, id: &str) {
        let state = locked(&self.state);
        let receipts: Vec<_> =
            self.readers(&state, chat).iter().map(|reader| receipt(chat, id, None, reader.as_deref())).collect();
        drop(state);
        let mut companions = locked(&self.companions);
        let Some(companion) = companions.get_mut(author) else { return };
        for node in receipts {
            companion.push(Item { id: id.to_owned(), node, content: Content::Receipt });
        }
    }

    /// Returns the recipients of the owner's messages in a chat: the members of a group by their addresses there, or
    /// `None` in a direct chat.
    fn readers(&self, state: &PhoneState, chat: &str) -> Vec<Option<String>> {
        if let Some(group) = state.groups.get(chat) {
            let others = group.members.iter().filter(|member| **member != self.number);
            return others.map(|member| Some(state.member(group, member))).collect();
        }
        let own = [self.jid(), format!("{}@lid", self.lid)];
        let other = ChatKind::of(chat) == ChatKind::Dm && !own.contains(&super::address::person(chat));
        if other { vec![None] } else { Vec::new() }
    }
}

impl Phone {
    /// Lets a contact read a message that the owner wrote on the phone or a companion. Every companion gets a receipt.
    ///
    /// # Errors
    /// [`Error::UnknownMessage`] if the owner wrote no message with this id, [`Error::UnknownContact`] if `reader`, a
    /// number or JID, is not in its chat.
    pub async fn read_by(&self, id: &str, reader: &str) -> Result<(), Error> {
        let (chat, chat_message) = self.find_message(id)?;
        if chat_message.from.is_some() {
            return Err(Error::UnknownMessage(id.to_owned()));
        }
        let reader = self.person(reader);
        let named = {
            let state = locked(&self.account.state);
            let person = state.person(&reader).cloned().unwrap_or_default();
            let is_reader = |name: &Option<String>| is(&person, name.as_deref().unwrap_or(&chat));
            self.account.readers(&state, &chat).into_iter().find(is_reader)
        };
        let named = named.ok_or(Error::UnknownContact(reader))?;
        let node = receipt(&chat, id, Some("read"), named.as_deref());
        for (_, companion) in locked(&self.account.companions).all_mut().filter(|(_, companion)| companion.bootstrapped)
        {
            companion.push(Item { id: id.to_owned(), node: node.clone(), content: Content::Receipt });
        }
        self.account.save().await
    }
}

fn is(person: &Person, jid: &str) -> bool {
    person.has_jid(&super::address::person(jid))
}

/// Creates the receipt of a recipient, in a group of this member; without a kind, a delivery receipt.
fn receipt(chat: &str, id: &str, kind: Option<&str>, participant: Option<&str>) -> Node {
    let mut receipt =
        node("receipt").attr("from", chat).attr("id", id).attr("t", clock::seconds(clock::now_ms()).to_string());
    for (name, value) in [("type", kind), ("participant", participant)] {
        if let Some(value) = value {
            receipt = receipt.attr(name, value);
        }
    }
    receipt.build()
}
