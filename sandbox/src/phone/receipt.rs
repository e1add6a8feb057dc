//! What the owner reads on another device, as the server tells companions: by receipts that name messages.

use serde::Deserialize;

use super::{Phone, address, book::Chat};
use crate::{
    Error, clock, locked,
    server::queue::{Content, Item},
    wire::node::node,
};

/// Whose address a receipt for the owner's own reading comes from. Servers are said to write either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReceiptFrom {
    /// The chat's.
    #[default]
    Chat,
    /// The owner's own; the chat is named beside it, where the client does not look.
    Owner,
}

impl Phone {
    /// Lets the owner read the chat on another device: up to the message with this id, or to the last one. Every
    /// companion is told by a receipt of type `read-self`.
    ///
    /// # Errors
    /// [`Error::UnknownChat`] if the phone shows no such chat, or the chat has no such message.
    pub async fn read_elsewhere(&self, chat: &str, message: Option<&str>, from: ReceiptFrom) -> Result<(), Error> {
        let (jid, named) = {
            let mut book = locked(&self.account.book);
            let resolved = book.resolve(chat);
            // A receipt bears the address of the device that it is about.
            let (chat, jid) = (&resolved, if address::is_special(chat) { chat.to_owned() } else { resolved.clone() });
            let unknown = || Error::UnknownChat(chat.to_owned());
            let chat = book.chats.get_mut(chat).ok_or_else(unknown)?;
            (jid, read_up_to(chat, message).ok_or_else(unknown)?)
        };
        let receipt = node("receipt").attr("type", "read-self").attr("id", named.as_str());
        let receipt = match from {
            ReceiptFrom::Chat => receipt.attr("from", jid.as_str()),
            ReceiptFrom::Owner => receipt.attr("from", self.jid()).attr("recipient", jid.as_str()),
        };
        let receipt = receipt.attr("t", clock::seconds(clock::now_ms()).to_string()).build();
        for (_, companion) in locked(&self.account.companions).all_mut() {
            if companion.settled {
                companion.push(Item { id: named.clone(), node: receipt.clone(), content: Content::Receipt });
            }
        }
        self.account.save().await
    }
}

/// Reads the chat up to a message of others; tells which that is.
fn read_up_to(chat: &mut Chat, message: Option<&str>) -> Option<String> {
    let named = |at: &super::book::Message| at.from.is_some() && message.is_none_or(|id| at.id == id);
    let place = chat.messages.iter().rposition(named)?;
    let later = chat.messages[place + 1..].iter().filter(|message| message.from.is_some()).count();
    chat.unread = chat.unread.min(u32::try_from(later).unwrap_or(u32::MAX));
    Some(chat.messages[place].id.clone())
}
