//! The wire, in domain words: one connection to WhatsApp per session, kept up by a supervisor; what it hears goes out
//! through the session's lane, which `service::inbound` drains; what the API wants told goes in through the pending
//! actions. Only `whatsapp/` names the WhatsApp library.
//!
//! [`registry::Registry`] is the way in for `service`, and starts one `supervisor` per session; the supervisor asks a
//! [`connection::Connector`] for a connection, and runs the `pending` loop beside it. What WhatsApp may newly tell
//! becomes a [`SessionEvent`] in `whatsapp/event.rs`; what may newly be told becomes an arm in `whatsapp/command.rs`.

mod backoff;
pub mod config;
pub mod connection;
mod events;
#[cfg(test)]
mod fake;
mod pending;
pub mod registry;
mod status;
mod stored_event;
mod supervisor;
mod whatsapp;

use std::sync::Arc;

use serde::Deserialize;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::sync::oneshot;

pub use config::Config;
pub use config::Endpoint;
pub use connection::Session;
pub use connection::SessionError;
pub use events::Events;
pub use registry::Registry;
pub use stored_event::Unreadable;

use crate::domain::action::Desired;
use crate::domain::action::Setting;
use crate::domain::call::Call;
use crate::domain::horizon::Horizon;
use crate::domain::id::ChatId;
use crate::domain::id::OrganizationId;
use crate::domain::id::SessionId;
use crate::domain::jid::Jid;
use crate::domain::message::IncomingMessage;
use crate::domain::message::Rewrite;
use crate::domain::person::Person;
use crate::domain::session::SessionStatus;
use crate::domain::session::StatusReason;

/// A session and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SessionKey {
    /// Whose it is.
    pub organization: OrganizationId,
    /// Which.
    pub session: SessionId,
}

/// What a session hears, in the order it heard it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionEvent {
    /// It stands differently with WhatsApp.
    #[serde(skip)]
    Status {
        /// How.
        status: SessionStatus,
        /// Why.
        reason: Option<StatusReason>,
    },
    /// It was linked to an account.
    Paired {
        /// The account's address.
        jid: Jid,
        /// The account's hidden-number address.
        lid: Option<Jid>,
    },
    /// It shows another code to be paired with; nothing about it is stored.
    #[serde(skip)]
    PairingRenewed,
    /// Nothing: whoever told it wants to know when all that was told before is stored.
    #[serde(skip)]
    Milestone,
    /// A setting was made on the phone or another device. Our own actions echo back as this, too.
    Setting {
        /// The chat.
        chat: Jid,
        /// The setting and its value.
        value: Desired,
        /// WhatsApp's time of it, in milliseconds.
        as_of: i64,
        /// Up to which message it reaches, where WhatsApp said so and it matters: what came later was not read.
        up_to: Option<Horizon>,
        /// Whether WhatsApp tells all it has, in any order, rather than what is new.
        replayed: bool,
    },
    /// Addresses turned out to be one person's, each a number and a LID.
    SamePerson {
        /// The people.
        people: Vec<Person>,
        /// WhatsApp's time of it, in milliseconds; 0 if it is not known.
        at: i64,
    },
    /// Another device of the account has read messages.
    ReadElsewhere {
        /// The chat, or the account itself, as it comes; none for an address that no chat has.
        chat: Option<Jid>,
        /// WhatsApp's ids of the messages; all before them are read, too.
        wa_ids: Vec<String>,
        /// When, in milliseconds.
        at: i64,
    },
    /// A message came, or was sent from another device.
    Message(IncomingMessage),
    /// The same with its place in the order in which WhatsApp sent it.
    Delivered {
        /// The message.
        message: IncomingMessage,
        /// Greater than that of every message that WhatsApp sent before, whenever they are stored: microseconds since the
        /// Unix epoch, or more.
        order: i64,
    },
    /// A message was changed by who wrote it, or taken back.
    Rewritten(Rewriting),
    /// The phone took a chat's messages away: it was cleared, or deleted.
    Emptied {
        /// The chat.
        chat: Jid,
        /// Up to which message.
        up_to: Horizon,
        /// WhatsApp's time of it, in milliseconds.
        as_of: i64,
        /// Whether the chat goes, too, where no message is left.
        deleted: bool,
    },
    /// A call rings; nothing about it is stored.
    #[serde(skip)]
    Calling(Call),
    /// A call ended, or was taken on another device; nothing about it is stored.
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
    /// All of an announced part was told before this.
    #[serde(skip)]
    HistoryTold {
        /// The announcement's id.
        notice: String,
    },
    /// Of the parts that were ever announced only those are still to come whose announcement is kept.
    #[serde(skip)]
    HistoryExpected,
    /// A part of the account's history was lost on the way.
    HistoryLost,
    /// Something that this version cannot put in these words, such as a message from an address of a kind that it does
    /// not know. It is kept in quarantine as it came.
    Untranslated(Untranslated),
    /// All that a collection of settings told was told before this.
    #[serde(skip)]
    SettingsTold {
        /// Which, in WhatsApp's words.
        collection: String,
        /// How far it was read by then.
        mark: u64,
    },
    /// The account's owner saved a contact under a name.
    ContactNamed {
        /// The contact.
        jid: Jid,
        /// The name.
        name: String,
    },
    /// The account's owner removed a contact.
    ContactRemoved {
        /// The contact.
        jid: Jid,
    },
    /// WhatsApp vouches for the name of a business.
    BusinessNamed {
        /// The business.
        jid: Jid,
        /// Its name.
        name: String,
    },
    /// Somebody goes by another number from now on.
    NumberChanged {
        /// The addresses before.
        old: Vec<Jid>,
        /// The address since.
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
    /// WhatsApp has taken a pending action.
    ActionSent {
        /// The chat.
        chat: ChatId,
        /// What was sent: of one that marks a chat as unread perhaps only that it was read before.
        desired: Desired,
        /// The version that was sent.
        version: i64,
    },
    /// WhatsApp refused a pending action for good.
    ActionRefused {
        /// The chat.
        chat: ChatId,
        /// The setting.
        setting: Setting,
        /// The version that was refused.
        version: i64,
        /// Why, in WhatsApp's words.
        reason: String,
    },
}

/// An event of WhatsApp's that has no other words here yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Untranslated {
    /// WhatsApp's kind of event, such as `message`.
    pub kind: String,
    /// Why it could not be translated, without anything that is in it.
    pub reason: String,
    /// The event, in an encoding that a later version can read: what the library serialises it to.
    pub payload: Vec<u8>,
}

/// What somebody did to a message that was there before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewriting {
    /// The chat.
    pub chat: Jid,
    /// WhatsApp's id of the message.
    pub wa_id: String,
    /// Who wrote the message.
    pub sender: Jid,
    /// Whether that is this account, as far as the sender does not say.
    pub from_me: bool,
    /// What was done to it.
    pub rewrite: Rewrite,
}

/// A part of an account's history, as the phone sent it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HistoryChunk {
    /// People whose two addresses are in it.
    pub people: Vec<Person>,
    /// The chats in it.
    pub chats: Vec<HistoryChat>,
    /// Edits and revocations of messages, which may be in an earlier part.
    pub rewritings: Vec<Rewriting>,
    /// Names that people chose for themselves.
    pub push_names: Vec<(Jid, String)>,
    /// How far the import is, 0 to 100, when the phone said.
    pub progress: Option<u8>,
}

/// A chat in a history; none where the phone said nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryChat {
    /// Its address.
    pub jid: Jid,
    /// Its name: a group's subject or the saved name of a contact.
    pub name: Option<String>,
    /// Archived or not.
    pub archived: Option<bool>,
    /// When it was pinned, in milliseconds, or that it is not.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "stored_event::present")]
    pub pinned: Option<Option<i64>>,
    /// When the mute ends, in milliseconds, or no mute.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "stored_event::present")]
    pub muted_until: Option<Option<i64>>,
    /// Unread messages.
    pub unread_count: Option<u32>,
    /// Marked as unread by hand.
    pub marked_unread: Option<bool>,
    /// Its latest activity, in milliseconds.
    pub last_message_at: Option<i64>,
    /// Its messages.
    pub messages: Vec<IncomingMessage>,
}

impl HistoryChat {
    /// A chat of which only messages are known.
    #[must_use]
    pub fn of(jid: Jid, messages: Vec<IncomingMessage>) -> Self {
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

/// One event on a lane.
#[derive(Debug)]
pub struct Inbound {
    /// What happened.
    pub event: SessionEvent,
    /// Told once the event is committed; dropped without a word when it was not.
    pub committed: Option<oneshot::Sender<()>>,
}

/// The way of one session's events to the stored copy; bounded, in order.
pub type Lane = mpsc::Sender<Inbound>;

/// Opens the lane of a session. Given by the wiring, so that this layer need not know who drains it.
pub type OpenLane = Arc<dyn Fn(SessionKey) -> Lane + Send + Sync>;
