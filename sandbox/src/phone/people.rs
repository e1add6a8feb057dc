//! People: their names, and notifications of companions.

use super::{Phone, account::Account, mutation::Change, state::Person, verified_name};
use crate::{
    Error,
    chat::ChatKind,
    clock,
    companion::queue::{Content, Item},
    lock::locked,
    wire::node::{Node, node},
};

impl Phone {
    /// Saves or renames a person in the address book, or removes them without a name.
    ///
    /// # Errors
    /// [`Error::UnknownContact`] if `number` is not a person's, or the person to remove is not saved.
    pub async fn save_contact(&self, number: &str, name: Option<&str>) -> Result<(), Error> {
        let jid = self.person(number);
        let change = self.change_person(&jid, |person| {
            let saved = Change::contact(person);
            person.name = name.map(ToOwned::to_owned);
            match name {
                Some(_) => Change::contact(person),
                None => saved.map(Change::removal),
            }
        })?;
        let change = change.ok_or(Error::UnknownContact(jid))?;
        self.set("critical_unblock_low", |_| Ok(vec![change])).await
    }

    /// Changes a person's push name. Others receive it with the person's next message.
    ///
    /// # Errors
    /// [`Error::UnknownContact`] if `number` is not a person's.
    pub async fn push_name(&self, number: &str, name: &str) -> Result<(), Error> {
        self.change_person(&self.person(number), |person| person.push_name = Some(name.to_owned()))?;
        self.account.save().await
    }

    /// Verifies a business name, which is sent now and with each message of the person.
    ///
    /// # Errors
    /// As [`Phone::push_name`].
    pub async fn verify_business(&self, number: &str, name: &str) -> Result<(), Error> {
        let jid = self.person(number);
        self.change_person(&jid, |person| person.business = Some(name.to_owned()))?;
        let verified = node("verified_name")
            .attr("jid", jid.as_str())
            .attr("v", "2")
            .bytes(verified_name::certificate(name))
            .build();
        self.announce("business", &jid, None, verified).await
    }

    pub(super) fn member(&self, name: &str) -> Result<String, Error> {
        let jid = self.person(name);
        if ChatKind::of(&jid) == ChatKind::Dm { Ok(jid) } else { Err(Error::UnknownContact(jid)) }
    }

    fn change_person<T>(&self, jid: &str, change: impl FnOnce(&mut Person) -> T) -> Result<T, Error> {
        let mut state = locked(&self.account.state);
        let no_other = || Error::UnknownContact(jid.to_owned());
        if jid == self.jid() || ChatKind::of(jid) != ChatKind::Dm {
            return Err(no_other());
        }
        state.ensure_person(jid);
        state.person_mut(jid).map(change).ok_or_else(no_other)
    }

    /// Notifies the companions of a change of `from`, and stores it.
    pub(super) async fn announce(&self, kind: &str, from: &str, by: Option<&str>, content: Node) -> Result<(), Error> {
        // As with messages: a companion that is being sent the history finds it there, or is notified afterwards.
        let peers = self.account.peers.lock().await;
        self.account.notify_all(kind, from, by, &content);
        drop(peers);
        self.account.save().await
    }
}

impl Account {
    fn notify_all(&self, kind: &str, from: &str, by: Option<&str>, content: &Node) {
        self.notify_others(None, kind, (from, by), content);
    }

    /// Queues a notification about `from` for every companion but its author.
    pub(super) fn notify_others(
        &self,
        author: Option<u16>,
        kind: &str,
        (from, by): (&str, Option<&str>),
        content: &Node,
    ) {
        let mut companions = locked(&self.companions);
        let notified =
            companions.all_mut().filter(|(device, companion)| companion.bootstrapped && Some(*device) != author);
        for (_, companion) in notified {
            let id = self.stanza_id();
            let mut notice = node("notification")
                .attr("from", from)
                .attr("type", kind)
                .attr("id", id.as_str())
                .attr("t", clock::seconds(clock::now_ms()).to_string());
            if let Some(by) = by {
                notice = notice.attr("participant", by);
            }
            let node = notice.children([content.clone()]).build();
            companion.push(Item { id, node, content: Content::Notice });
        }
    }
}
