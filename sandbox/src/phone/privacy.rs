//! The owner's privacy settings and block list.

use std::collections::BTreeMap;

use super::{
    Phone, address,
    state::{Person, privacy::CATEGORIES},
};
use crate::{
    Error,
    chat::ChatKind,
    clock,
    lock::locked,
    wire::node::{Node, node},
};

impl Phone {
    /// Returns the privacy settings by category: `readreceipts` is `all` or `none`.
    #[must_use]
    pub fn privacy(&self) -> BTreeMap<String, String> {
        let book = locked(&self.account.book);
        let all =
            CATEGORIES.iter().filter_map(|(name, _)| Some(((*name).to_owned(), book.privacy.value(name)?.to_owned())));
        all.collect()
    }

    /// Sets privacy categories of the owner, such as `readreceipts` to `none`. The companions are notified.
    ///
    /// # Errors
    /// [`Error::UnknownPrivacy`] if there is no such category or value; nothing is set then.
    pub async fn set_privacy(&self, asked: &BTreeMap<String, String>) -> Result<(), Error> {
        let asked: Vec<_> = asked.clone().into_iter().collect();
        self.set_privacy_from(&asked, None).await.map(drop)
    }

    /// Sets categories for a companion; the others are notified. Sets all of them or none; returns their nodes.
    pub(crate) async fn set_privacy_from(
        &self,
        asked: &[(String, String)],
        author: Option<u16>,
    ) -> Result<Node, Error> {
        let set = {
            let mut book = locked(&self.account.book);
            let mut privacy = book.privacy.clone();
            let unknown = |(name, value): &(String, String)| Error::UnknownPrivacy(format!("{name}={value}"));
            let set = asked.iter().map(|asked| privacy.set(&asked.0, &asked.1).ok_or_else(|| unknown(asked)));
            let set = set.collect::<Result<Vec<_>, _>>()?;
            book.privacy = privacy;
            node("privacy").children(set).build()
        };
        self.tell_others(author, set.clone()).await?;
        Ok(set)
    }

    /// Returns the JIDs of blocked people.
    #[must_use]
    pub fn blocked(&self) -> Vec<String> {
        locked(&self.account.book).privacy.blocked.keys().cloned().collect()
    }

    /// Blocks or unblocks a contact. The companions are notified.
    ///
    /// # Errors
    /// [`Error::UnknownContact`] if `number` is not a person's number or JID.
    pub async fn block(&self, number: &str, blocked: bool) -> Result<(), Error> {
        self.block_from(number, blocked, None).await
    }

    /// Blocks or unblocks for a companion; the others are notified.
    pub(crate) async fn block_from(&self, number: &str, blocked: bool, author: Option<u16>) -> Result<(), Error> {
        let jid = address::person(&self.person(number));
        if jid == self.jid() || ChatKind::of(&jid) != ChatKind::Dm {
            return Err(Error::UnknownContact(jid));
        }
        let change = {
            let mut book = locked(&self.account.book);
            book.meet(&jid);
            let jid = book.person(&jid).and_then(Person::lid_jid).unwrap_or(jid);
            let before = book.privacy.hash();
            if blocked {
                book.privacy.blocked.entry(jid.clone()).or_insert_with(clock::now_ms);
            } else {
                book.privacy.blocked.remove(&jid);
            }
            let action = if blocked { "block" } else { "unblock" };
            let item = node("item").attr("jid", jid).attr("action", action).build();
            node("blocklist").attr("dhash", book.privacy.hash()).attr("prev_dhash", before).children([item]).build()
        };
        self.tell_others(author, change).await
    }

    /// Notifies the companions but the author of a change of the account, and stores it.
    async fn tell_others(&self, author: Option<u16>, content: Node) -> Result<(), Error> {
        let parties = self.account.parties.lock().await;
        self.account.notify_others(author, "account_sync", (&self.jid(), None), &content);
        drop(parties);
        self.account.save().await
    }
}
