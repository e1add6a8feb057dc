//! Numbers: people change their numbers, and new people get free ones.

use super::{Phone, address, state::Person};
use crate::{
    Error,
    lock::locked,
    wire::node::{SERVER, empty, node},
};

impl Phone {
    /// Moves a person's account to another number. The keys stay, and the old number becomes free.
    ///
    /// # Errors
    /// [`Error::UnknownContact`] if `old` or `new` is not a number, [`Error::TakenAddress`] if the new one is assigned.
    pub async fn change_number(&self, old: &str, new: &str) -> Result<(), Error> {
        self.change_addresses(old, new, None).await
    }

    /// Like [`Phone::change_number`], with another LID if `lid` is given.
    ///
    /// # Errors
    /// As [`Phone::change_number`]; [`Error::TakenAddress`] also if the LID is assigned.
    pub async fn change_addresses(&self, old: &str, new: &str, lid: Option<&str>) -> Result<(), Error> {
        let (before, after) = (self.person(old), self.person(new));
        let mut peers = self.account.peers.lock().await;
        let lids = {
            let mut state = locked(&self.account.state);
            let numbers = [&before, &after].map(|jid| jid.strip_suffix("@s.whatsapp.net").map(ToOwned::to_owned));
            let [Some(number), Some(next)] = numbers else { return Err(Error::UnknownContact(before)) };
            for taken in [Some(after.clone()), lid.map(|lid| format!("{lid}@lid"))].into_iter().flatten() {
                if state.person(&taken).is_some() || taken == self.jid() || taken == self.lid() {
                    return Err(Error::TakenAddress(taken));
                }
            }
            let person = state.people.iter_mut().find(|person| person.phone.as_ref() == Some(&number));
            let person = person.ok_or_else(|| Error::UnknownContact(before.clone()))?;
            person.phone = Some(next.clone());
            let was_lid = person.lid.clone();
            if let Some(lid) = lid {
                person.lid = Some(lid.to_owned());
            }
            state.move_picture(&before, &after);
            for group in state.groups.values_mut() {
                group.rename(&number, &next);
            }
            if let Some(chat) = state.chats.remove(&before) {
                state.chats.insert(after.clone(), chat);
            }
            // Old messages keep their author if the number gets another owner.
            for message in state.chats.values_mut().flat_map(|chat| &mut chat.messages) {
                if message.from.as_ref() == Some(&before) {
                    message.from = Some(after.clone());
                }
            }
            was_lid.zip(lid.map(ToOwned::to_owned))
        };
        peers.rename(&before, &after);
        drop(peers);
        let mut modify = node("modify").attr("old", before.as_str()).attr("new", after.as_str());
        if let Some((was, is)) = lids {
            modify = modify.attr("old_lid", format!("{was}@lid")).attr("new_lid", format!("{is}@lid"));
        }
        self.announce("contacts", &before, None, modify.build()).await
    }

    /// Assigns a free number to a new person, with this LID if it is given: their first message has both. The
    /// companions are notified that the number has other keys.
    ///
    /// # Errors
    /// [`Error::UnknownContact`] if `number` is not a number, [`Error::TakenAddress`] if it or the LID is assigned.
    pub async fn give_number(&self, number: &str, lid: Option<&str>, push_name: Option<&str>) -> Result<(), Error> {
        let jid = self.person(number);
        let Some(phone) = jid.strip_suffix(&format!("@{SERVER}")).map(ToOwned::to_owned) else {
            return Err(Error::UnknownContact(jid));
        };
        {
            let mut state = locked(&self.account.state);
            for taken in [Some(jid.clone()), lid.map(|lid| format!("{lid}@lid"))].into_iter().flatten() {
                if state.person(&taken).is_some() || taken == self.jid() || taken == self.lid() {
                    return Err(Error::TakenAddress(address::person(&taken)));
                }
            }
            state.people.push(Person {
                phone: Some(phone),
                lid: lid.map(ToOwned::to_owned),
                push_name: push_name.map(ToOwned::to_owned),
                ..Person::default()
            });
        }
        self.announce("encrypt", &jid, None, empty("identity")).await
    }
}
