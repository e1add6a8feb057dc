//! Unconfirmed stanzas of a companion. The queue belongs to the companion, not to a connection: its stanzas are sent
//! again, byte for byte, at the next login.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::message::OutgoingMessage;
use crate::{storage::bytes, wire::node::Node};

/// One queued stanza.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Item {
    /// The stanza's id, with which the companion confirms it.
    pub(crate) id: String,
    /// Encrypted once, when it was created.
    #[serde(with = "bytes")]
    pub(crate) node: Node,
    pub(crate) content: Content,
}

impl Item {
    /// Returns true if this is a message, encrypted by any sender.
    pub(crate) fn is_message(&self) -> bool {
        matches!(self.content, Content::Message(_) | Content::Forwarded { .. })
    }
}

/// Content of a stanza.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Content {
    /// A message, with its plaintext in case the companion cannot decrypt it.
    Message(Box<OutgoingMessage>),
    /// A message of another companion of the account, which is the only one that can encrypt it again.
    Forwarded {
        /// The device that wrote it.
        author: u16,
    },
    /// The notification of a new version of a collection.
    #[serde(rename = "Moved")]
    CollectionChanged(String),
    /// A notification about a person or a group.
    Notice,
    /// A receipt, which has the id of a message; there may be several of them.
    Receipt,
}

/// Unconfirmed stanzas of a companion, oldest first.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Queue(VecDeque<Item>);

impl Queue {
    /// Adds an item. A new version of a collection replaces the earlier notification of it.
    pub(crate) fn push(&mut self, item: Item) {
        if let Content::CollectionChanged(collection) = &item.content {
            self.0.retain(|other| !matches!(&other.content, Content::CollectionChanged(name) if name == collection));
        }
        self.0.push_back(item);
    }

    /// Removes a confirmed stanza; false if it was not there.
    pub(crate) fn confirm(&mut self, id: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|item| item.id != id || matches!(item.content, Content::Receipt));
        self.0.len() < before
    }

    /// Removes the oldest receipt with this id after its confirmation; false if there is none.
    pub(crate) fn confirm_receipt(&mut self, id: &str) -> bool {
        let confirmed = self.0.iter().position(|item| item.id == id && matches!(item.content, Content::Receipt));
        confirmed.is_some_and(|place| self.0.remove(place).is_some())
    }

    /// Returns the message with this id.
    pub(crate) fn find(&mut self, id: &str) -> Option<&mut Item> {
        self.0.iter_mut().find(|item| item.id == id && item.is_message())
    }

    /// Returns the number of items.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns all items, oldest first.
    pub(crate) fn items(&self) -> impl Iterator<Item = &Item> {
        self.0.iter()
    }
}
