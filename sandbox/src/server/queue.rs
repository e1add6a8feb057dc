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

impl Item {
    /// Whether this is a message, whoever sealed it.
    pub(crate) fn is_message(&self) -> bool {
        matches!(self.content, Content::Message(_) | Content::Forwarded { .. })
    }
}

/// What a stanza is about.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Content {
    /// A message, kept in clear in case the companion cannot open it.
    Message(Box<Letter>),
    /// A message of another companion of the account, which alone can seal it again.
    Forwarded {
        /// The device that wrote it.
        author: u16,
    },
    /// The notice that a collection moved.
    Moved(String),
    /// A notice about a person or a group.
    Notice,
    /// Word of what became of a message elsewhere: it bears the message's id, and there may be several of them.
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
        let before = self.0.len();
        self.0.retain(|item| item.id != id || matches!(item.content, Content::Receipt));
        self.0.len() < before
    }

    /// Drops the oldest receipt with this id, which has been confirmed; false if there is none.
    pub(crate) fn confirm_receipt(&mut self, id: &str) -> bool {
        let confirmed = self.0.iter().position(|item| item.id == id && matches!(item.content, Content::Receipt));
        confirmed.is_some_and(|place| self.0.remove(place).is_some())
    }

    /// The message with this id.
    pub(crate) fn find(&mut self, id: &str) -> Option<&mut Item> {
        self.0.iter_mut().find(|item| item.id == id && item.is_message())
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
