//! The owner's privacy settings and block list.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Phone, address, view::ChatKind};
use crate::{
    Error, clock, locked,
    wire::node::{Node, node},
};

/// Categories and their values; the first value is the default.
const CATEGORIES: [(&str, &[&str]); 7] = [
    ("last", &["all", "contacts", "none"]),
    ("online", &["all", "match_last_seen"]),
    ("profile", &["all", "contacts", "none"]),
    ("status", &["all", "contacts", "none"]),
    ("readreceipts", &["all", "none"]),
    ("groupadd", &["all", "contacts", "none"]),
    ("calladd", &["all", "known"]),
];

/// The owner's privacy, stored by the server.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Privacy {
    /// Changed settings, by category.
    set: BTreeMap<String, String>,
    /// Times of blocking, in milliseconds; by LID, or by number if no LID is known.
    blocked: BTreeMap<String, i64>,
}

impl Privacy {
    /// Sets one category; returns its node, or `None` if there is no such category or value.
    fn set(&mut self, name: &str, value: &str) -> Option<Node> {
        let (_, values) = CATEGORIES.iter().find(|(category, _)| *category == name)?;
        if !values.contains(&value) {
            return None;
        }
        self.set.insert(name.to_owned(), value.to_owned());
        Some(category(name, value))
    }

    fn value<'a>(&'a self, name: &str) -> Option<&'a str> {
        let default = CATEGORIES.iter().find(|(category, _)| *category == name)?.1[0];
        Some(self.set.get(name).map_or(default, String::as_str))
    }

    /// All categories.
    pub(crate) fn node(&self) -> Node {
        let all = CATEGORIES.iter().filter_map(|(name, _)| Some(category(name, self.value(name)?)));
        node("privacy").children(all).build()
    }

    /// Returns the block list.
    pub(crate) fn list(&self) -> Node {
        let item = |(jid, at): (&String, &i64)| {
            node("item").attr("jid", jid.as_str()).attr("t", clock::seconds(*at).to_string()).build()
        };
        node("list").attr("dhash", self.hash()).children(self.blocked.iter().map(item)).build()
    }

    /// Hash of the list, by which a client detects a missed change.
    fn hash(&self) -> String {
        let mut all = Sha256::new();
        for jid in self.blocked.keys() {
            all.update(jid);
            all.update([0]);
        }
        let digest = all.finalize();
        digest[..8].iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

fn category(name: &str, value: &str) -> Node {
    node("category").attr("name", name).attr("value", value).build()
}

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
            let jid = book.person(&jid).and_then(super::state::Person::lid_jid).unwrap_or(jid);
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
