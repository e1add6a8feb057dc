//! What a companion has not confirmed yet. It belongs to the companion, not to a connection: what is
//! in here is sent again, byte for byte, at the next login.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::{keep::bytes, phone::message::Letter, wire::node::Node};

/// One stanza that must arrive.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Item {
    /// The stanza's id: the companion confirms by it.
    pub(crate) id: String,
    /// Sealed once, when it was made.
    #[serde(with = "bytes")]
    pub(crate) node: Node,
    pub(crate) content: Content,
}

/// What a stanza is about.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Content {
    /// A message, kept in clear in case the companion cannot open it.
    Message(Box<Letter>),
    /// The notice that a collection moved.
    Moved(String),
    /// A notice about a person or a group.
    Notice,
    /// Word of what the owner read elsewhere; it bears the id of a message.
    Receipt,
}

/// The stanzas a companion has not confirmed, oldest first.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Queue(VecDeque<Item>);

impl Queue {
    /// Adds an item. A collection that moved again replaces the earlier notice about it.
    pub(crate) fn push(&mut self, item: Item) {
        if let Content::Moved(collection) = &item.content {
            self.0.retain(|other| !matches!(&other.content, Content::Moved(name) if name == collection));
        }
        self.0.push_back(item);
    }

    /// Drops what has been confirmed; false if it was not there.
    pub(crate) fn confirm(&mut self, id: &str) -> bool {
        self.drop_where(|item| item.id == id && !matches!(item.content, Content::Receipt))
    }

    /// Drops a receipt that has been confirmed; false if it was not there.
    pub(crate) fn confirm_receipt(&mut self, id: &str) -> bool {
        self.drop_where(|item| item.id == id && matches!(item.content, Content::Receipt))
    }

    fn drop_where(&mut self, confirmed: impl Fn(&Item) -> bool) -> bool {
        let before = self.0.len();
        self.0.retain(|item| !confirmed(item));
        self.0.len() < before
    }

    /// The item with this id.
    pub(crate) fn find(&mut self, id: &str) -> Option<&mut Item> {
        self.0.iter_mut().find(|item| item.id == id)
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// All that wait, oldest first.
    pub(crate) fn items(&self) -> impl Iterator<Item = &Item> {
        self.0.iter()
    }
}
