//! Messages to companions before their encryption.

use serde::{Deserialize, Serialize};
use whatsapp_rust::waproto::whatsapp as wa;

use crate::{message_kind::MessageKind, storage::bytes};

/// A message before its encryption.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OutgoingMessage {
    pub(crate) id: String,
    /// JID of the sender whose keys are used; the owner's own for the phone.
    pub(crate) sender: String,
    /// Address in the stanza: the group's, if it is a group message.
    pub(crate) from: String,
    /// The author in a group.
    #[serde(default)]
    pub(crate) participant: Option<String>,
    /// The chat of a message by the owner, unless that is a group.
    #[serde(default)]
    pub(crate) recipient: Option<String>,
    /// Recipients, if the owner sent it to a broadcast list.
    #[serde(default)]
    pub(crate) listed: Vec<String>,
    #[serde(default)]
    pub(crate) kind: MessageKind,
    /// The effect on an earlier message, as on the wire: `1` edits, `7` revokes, `8` revokes as a group's admin.
    #[serde(default)]
    pub(crate) edit: Option<String>,
    /// The same person's other address.
    pub(crate) alternate: Option<Alternate>,
    /// Time of the message, in milliseconds.
    pub(crate) at: i64,
    /// True for messages between the owner's own devices, which are not shown.
    pub(crate) peer: bool,
    /// The sender's push name.
    pub(crate) notify: Option<String>,
    /// The verified name, if the sender is a business.
    #[serde(default)]
    pub(crate) business: Option<String>,
    #[serde(with = "bytes")]
    pub(crate) body: wa::Message,
}

/// The other address of the sender.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Alternate {
    Number(String),
    Lid(String),
}
