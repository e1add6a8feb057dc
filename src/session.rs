//! Connections to WhatsApp in domain terms: one per session, maintained by a supervisor. Its events leave through the
//! session's event queue, which `service::inbound` drains; changes by the API enter as pending actions. Only
//! `whatsapp/` uses the WhatsApp library.
//!
//! [`registry::Registry`] is the interface for `service` and starts one `supervisor` per session. The supervisor asks a
//! [`connection::Connector`] for a connection, and runs the `outbox` loop beside it. A new kind of event is added to
//! [`SessionEvent`] and `whatsapp/event.rs`; a setting is in `whatsapp/setting.rs`.

pub mod config;
pub mod connection;
mod metrics;
mod outbox;
pub mod registry;
mod status;
mod stored_event;
mod supervisor;
#[cfg(test)]
mod testing;
mod whatsapp;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use crate::domain::{
    call::Call,
    id::{ChatId, OrganizationId, SessionId},
    jid::Jid,
    message::{IncomingMessage, MessageUpdate},
    message_marker::MessageMarker,
    person::Person,
    session::{SessionStatus, StatusReason},
    setting::{Setting, SettingValue},
};

pub use config::{Config, Endpoint, History, HistoryDepth, SandboxArgs};
pub use connection::{Connection, SessionError};
pub use metrics::SessionMetrics;
pub use registry::Registry;
pub use stored_event::StoredEventError;

/// A session and its organization.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SessionKey {
    /// The organization.
    pub organization: OrganizationId,
    /// The session.
    pub session: SessionId,
}

/// An event of a session, in the order of arrival.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionEvent {
    /// The session's status changed.
    #[serde(skip)]
    Status {
        /// The new status.
        status: SessionStatus,
        /// The reason.
        reason: Option<StatusReason>,
    },
    /// The session was linked to an account.
    Paired {
        /// The account's address.
        jid: Jid,
        /// The account's LID.
        lid: Option<Jid>,
    },
    /// The pairing code was replaced; not stored.
    #[serde(skip)]
    PairingRenewed,
    /// No content: the sender only waits for the commit of all earlier events.
    #[serde(skip)]
    Barrier,
    /// A setting was changed on the phone or another device. Own actions are echoed as this, too.
    Setting {
        /// The chat.
        chat: Jid,
        /// The setting and its value.
        value: SettingValue,
        /// WhatsApp's time of the change, in milliseconds.
        as_of: i64,
        /// Last message that it covers, if WhatsApp gives one and it matters: later messages were not read, and may
        /// unarchive the chat.
        up_to: Option<MessageMarker>,
        /// True in a replay of all settings, in any order; false for a new change.
        replayed: bool,
    },
    /// Pairs of a number and a LID, each of one person.
    SamePerson {
        /// The people.
        people: Vec<Person>,
        /// WhatsApp's time of it, in milliseconds; 0 if unknown.
        at: i64,
    },
    /// Another device of the account has read messages.
    #[serde(rename = "ReadElsewhere")]
    ReadOnOtherDevice {
        /// The chat, or the account itself, as received; `None` for an address that no chat has.
        chat: Option<Jid>,
        /// WhatsApp ids of the messages; all earlier messages are read, too.
        wa_ids: Vec<String>,
        /// Time of reading, in milliseconds.
        at: i64,
    },
    /// A message arrived, or was sent from another device.
    Message(IncomingMessage),
    /// A message with its position in WhatsApp's delivery order.
    Delivered {
        /// The message.
        message: IncomingMessage,
        /// Greater than the position of every message that WhatsApp sent before, whenever they are stored. At least the
        /// time in microseconds since the Unix epoch.
        order: i64,
    },
    /// A message was edited or revoked.
    #[serde(rename = "Rewritten")]
    MessageUpdated(UpdatedMessage),
    /// A chat was cleared or deleted on the phone.
    #[serde(rename = "Emptied")]
    ChatCleared {
        /// The chat.
        chat: Jid,
        /// Last message that was removed.
        up_to: MessageMarker,
        /// WhatsApp's time of it, in milliseconds.
        as_of: i64,
        /// True if the chat is deleted as well, unless a message is left.
        deleted: bool,
    },
    /// A call rings; not stored.
    #[serde(skip)]
    CallOffered(Call),
    /// A call ended, or was answered on another device; not stored.
    #[serde(skip)]
    CallEnded {
        /// WhatsApp's id of the call.
        call: String,
    },
    /// A part of the account's history.
    History(HistoryChunk),
    /// A part of the account's history was announced, and its announcement was lost in a crash.
    #[serde(skip)]
    HistoryAnnounced {
        /// The announcement's id.
        notice: String,
    },
    /// All of an announced part was sent before this.
    #[serde(skip)]
    HistoryPartDone {
        /// The announcement's id.
        notice: String,
    },
    /// No parts of the history are outstanding except those with a stored announcement.
    #[serde(skip)]
    HistoryExpected,
    /// A part of the account's history was lost.
    HistoryLost,
    /// An event that this version does not support, such as a message from an unknown kind of address. It is
    /// quarantined as received.
    Untranslated(Untranslated),
    /// All changes of an app-state collection were sent before this.
    #[serde(skip)]
    CollectionSynced {
        /// WhatsApp's name of the collection.
        collection: String,
        /// Mark of the version that was read by then.
        mark: u64,
    },
    /// The user saved a contact under a name.
    ContactNamed {
        /// The contact.
        jid: Jid,
        /// The name.
        name: String,
    },
    /// The user removed a contact.
    ContactRemoved {
        /// The contact.
        jid: Jid,
    },
    /// The user decided whether a new message unarchives its chat.
    UnarchivesChats {
        /// True if it does.
        unarchives: bool,
    },
    /// WhatsApp verified the name of a business.
    BusinessNamed {
        /// The business.
        jid: Jid,
        /// Its name.
        name: String,
    },
    /// A person changed the number.
    NumberChanged {
        /// The previous addresses.
        old: Vec<Jid>,
        /// The new address.
        new: Jid,
        /// WhatsApp's time of the change, in milliseconds.
        at: i64,
    },
    /// A group has a (new) subject.
    GroupNamed {
        /// The group.
        jid: Jid,
        /// The subject.
        subject: String,
    },
    /// WhatsApp accepted a pending action.
    ActionSent {
        /// The chat.
        chat: ChatId,
        /// The setting that was sent. For a pending mark as unread, this may be the preceding read.
        desired: SettingValue,
        /// The version that was sent.
        version: i64,
    },
    /// WhatsApp permanently rejected a pending action.
    #[serde(rename = "ActionRefused")]
    ActionRejected {
        /// The chat.
        chat: ChatId,
        /// The setting.
        setting: Setting,
        /// The rejected version.
        version: i64,
        /// WhatsApp's reason.
        reason: String,
    },
}

/// A WhatsApp event that this version does not support.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Untranslated {
    /// WhatsApp's kind of event, such as `message`.
    pub kind: String,
    /// The reason, without any content of the event.
    pub reason: String,
    /// The event in the library's serialisation, which a later version can read.
    pub payload: Vec<u8>,
}

/// An edit or revocation of an earlier message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdatedMessage {
    /// The chat.
    pub chat: Jid,
    /// WhatsApp's id of the message.
    pub wa_id: String,
    /// Sender of the message.
    pub sender: Jid,
    /// True if this account sent it, even if `sender` is not one of its addresses.
    pub from_me: bool,
    /// The edit or revocation.
    pub rewrite: MessageUpdate,
}

/// A part of an account's history, as the phone sent it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HistoryChunk {
    /// People for whom it has both addresses.
    pub people: Vec<Person>,
    /// The chats in it.
    pub chats: Vec<HistoryChat>,
    /// Edits and revocations of messages, which may be in an earlier part.
    pub rewritings: Vec<UpdatedMessage>,
    /// Names that people chose for themselves.
    pub push_names: Vec<(Jid, String)>,
    /// Progress of the import, 0 to 100, if the phone reports it.
    pub progress: Option<u8>,
}

/// A chat in a history; `None` for what the phone did not report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryChat {
    /// Its address.
    pub jid: Jid,
    /// Its name: a group's subject or the saved name of a contact.
    pub name: Option<String>,
    /// Archived or not.
    pub archived: Option<bool>,
    /// Time of pinning, in milliseconds, or `None` inside if it is not pinned.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "stored_event::present")]
    pub pinned: Option<Option<i64>>,
    /// End of the mute, in milliseconds, or `None` inside if it is not muted.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "stored_event::present")]
    pub muted_until: Option<Option<i64>>,
    /// Unread messages.
    pub unread_count: Option<u32>,
    /// Marked as unread by hand.
    pub marked_unread: Option<bool>,
    /// Time of its latest activity, in milliseconds.
    pub last_message_at: Option<i64>,
    /// Its messages.
    pub messages: Vec<IncomingMessage>,
}

impl HistoryChat {
    /// Creates a chat with messages only.
    #[must_use]
    pub fn with_messages(jid: Jid, messages: Vec<IncomingMessage>) -> Self {
        Self {
            jid,
            name: None,
            archived: None,
            pinned: None,
            muted_until: None,
            unread_count: None,
            marked_unread: None,
            last_message_at: None,
            messages,
        }
    }
}

/// One event in an event queue.
#[derive(Debug)]
pub struct InboundEvent {
    /// The event.
    pub event: SessionEvent,
    /// Notified once the event is committed; dropped if it was not.
    pub committed: Option<oneshot::Sender<()>>,
}

/// Sender of a session's event queue, which is bounded and in order.
pub type EventSender = mpsc::Sender<InboundEvent>;

/// Opens the event queue of a session. Injected, so that this layer does not depend on its consumer.
pub type EventSenderFactory = Arc<dyn Fn(SessionKey) -> EventSender + Send + Sync>;
