//! Privacy settings and the block list.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    clock,
    wire::node::{Node, node},
};

/// Categories and their values; the first value is the default.
pub(crate) const CATEGORIES: [(&str, &[&str]); 7] = [
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
    pub(crate) blocked: BTreeMap<String, i64>,
}

impl Privacy {
    /// Sets one category; returns its node, or `None` if there is no such category or value.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Option<Node> {
        let (_, values) = CATEGORIES.iter().find(|(category, _)| *category == name)?;
        if !values.contains(&value) {
            return None;
        }
        self.set.insert(name.to_owned(), value.to_owned());
        Some(category(name, value))
    }

    pub(crate) fn value<'a>(&'a self, name: &str) -> Option<&'a str> {
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
    pub(crate) fn hash(&self) -> String {
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
