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
        let state = locked(&self.account.state);
        let all =
            CATEGORIES.iter().filter_map(|(name, _)| Some(((*name).to_owned(), state.privacy.value(name)?.to_owned())));
        all.collect()
    }

    /// Sets privacy categories of the owner, such as `readreceipts` to `none`. The companions are notified.
    ///
    /// # Errors
    /// [`Error::UnknownPrivacy`] if there is no such category or value; nothing is set then.
    pub async fn set_privacy(&self, requested: &BTreeMap<String, String>) -> Result<(), Error> {
        let requested: Vec<_> = requested.clone().into_iter().collect();
        self.set_privacy_from(&requested, None).await.map(drop)
    }

    /// Sets categories for a companion; the others are notified. Sets all of them or none; returns their nodes.
    pub(crate) async fn set_privacy_from(
        &self,
        requested: &[(String, String)],
        author: Option<u16>,
    ) -> Result<Node, Error> {
        let set = {
            let mut state = locked(&self.account.state);
            let mut privacy = state.privacy.clone();
            let unknown = |(name, value): &(String, String)| Error::UnknownPrivacy(format!("{name}={value}"));
            let set = requested
                .iter()
                .map(|requested| privacy.set(&requested.0, &requested.1).ok_or_else(|| unknown(requested)));
            let set = set.collect::<Result<Vec<_>, _>>()?;
            state.privacy = privacy;
            node("privacy").children(set).build()
        };
        self.notify_and_save(author, set.clone()).await?;
        Ok(set)
    }

    /// Returns the JIDs of blocked people.
    #[must_use]
    pub fn blocked(&self) -> Vec<String> {
        locked(&self.account.state).privacy.blocked.keys().cloned().collect()
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
            let mut state = locked(&self.account.state);
            state.ensure_person(&jid);
            let jid = state.person(&jid).and_then(Person::lid_jid).unwrap_or(jid);
            let before = state.privacy.hash();
            if blocked {
                state.privacy.blocked.entry(jid.clone()).or_insert_with(clock::now_ms);
            } else {
                state.privacy.blocked.remove(&jid);
            }
            let action = if blocked { "block" } else { "unblock" };
            let item = node("item").attr("jid", jid).attr("action", action).build();
            node("blocklist").attr("dhash", state.privacy.hash()).attr("prev_dhash", before).children([item]).build()
        };
        self.notify_and_save(author, change).await
    }

    /// Notifies the companions but the author of a change of the account, and stores it.
    async fn notify_and_save(&self, author: Option<u16>, content: Node) -> Result<(), Error> {
        let peers = self.account.peers.lock().await;
        self.account.notify_others(author, "account_sync", (&self.jid(), None), &content);
        drop(peers);
        self.account.save().await
    }
}
