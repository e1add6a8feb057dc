//! Reading by the owner on another device, reported to companions by receipts that name messages.

use serde::Deserialize;

use super::{Phone, address, state::Chat};
use crate::{
    Error, clock,
    companion::queue::{Content, Item},
    lock::locked,
    wire::node::node,
};

/// Form of the receipt for reading on another device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReceiptForm {
    /// `read` from the owner's own address, with the chat as the recipient. In a group the owner is the participant,
    /// and the recipient is the author of the message. Used with read receipts enabled, the default.
    #[default]
    Read,
    /// The same with `read-self`, used with read receipts disabled.
    ReadSelf,
    /// `read-self` from the chat's address. Some clients expect it, but no server is known to send it.
    FromChat,
}

/// The message that a receipt names.
struct Named {
    id: String,
    /// The JID of its author.
    author: String,
}

impl Phone {
    /// Reads the chat on another device of the owner: up to the message with this id, or to the last one. Every
    /// companion gets a receipt.
    ///
    /// # Errors
    /// [`Error::UnknownChat`] if the phone shows no such chat, or the chat has no such message.
    pub async fn read_elsewhere(&self, chat: &str, message: Option<&str>, form: ReceiptForm) -> Result<(), Error> {
        let (named, receipt) = {
            let mut state = locked(&self.account.state);
            let resolved = state.resolve(chat);
            // A receipt has the address of the device that it concerns.
            let (chat, jid) = (&resolved, if address::is_special(chat) { chat.to_owned() } else { resolved.clone() });
            let unknown = || Error::UnknownChat(chat.to_owned());
            let known = state.chats.get_mut(chat).ok_or_else(unknown)?;
            let named = read_up_to(known, message).ok_or_else(unknown)?;
            let kind = if form == ReceiptForm::Read { "read" } else { "read-self" };
            let receipt = node("receipt").attr("type", kind).attr("id", named.id.as_str());
            let receipt = match (form, state.groups.get(chat)) {
                (ReceiptForm::FromChat, _) => receipt.attr("from", jid.as_str()),
                (_, None) => receipt.attr("from", self.jid()).attr("recipient", jid.as_str()),
                (_, Some(group)) => receipt
                    .attr("from", jid.as_str())
                    .attr("participant", state.member(group, &self.jid()))
                    .attr("recipient", state.member(group, &named.author)),
            };
            (named, receipt.attr("t", clock::seconds(clock::now_ms()).to_string()).build())
        };
        for (_, companion) in locked(&self.account.companions).all_mut() {
            if companion.bootstrapped {
                companion.push(Item { id: named.id.clone(), node: receipt.clone(), content: Content::Receipt });
            }
        }
        self.account.save().await
    }
}

/// Reads the chat up to an incoming message, and returns that message.
fn read_up_to(chat: &mut Chat, message: Option<&str>) -> Option<Named> {
    let named = |at: &super::state::Message| at.from.is_some() && message.is_none_or(|id| at.id == id);
    let place = chat.messages.iter().rposition(named)?;
    let later = chat.messages[place + 1..].iter().filter(|message| message.from.is_some()).count();
    chat.unread = chat.unread.min(u32::try_from(later).unwrap_or(u32::MAX));
    let message = &chat.messages[place];
    Some(Named { id: message.id.clone(), author: message.from.clone()? })
}
