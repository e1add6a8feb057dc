//! A session as callers see it.

use async_graphql::Context;
use async_graphql::Description;
use async_graphql::Enum;
use async_graphql::ID;
use async_graphql::Object;

use crate::domain::capability::Capability;
use crate::domain::jid;
use crate::domain::session;
use crate::graphql::capability::requires;
use crate::graphql::chat::connection::ChatConnection;
use crate::graphql::chat::connection::ChatListArguments;
use crate::graphql::chat::filter::ChatFilter;
use crate::graphql::chat::filter::ChatOrder;
use crate::graphql::chat::object::Chat;
use crate::graphql::connection::PageArguments;
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::ApiError;
use crate::graphql::scalar::Jid;
use crate::graphql::scalar::Timestamp;
use crate::service::chat::ChatRef;

use super::pairing::Pairing;

/// One attached WhatsApp number.
#[derive(Description)]
pub(in crate::graphql) struct Session(session::Session);

impl From<session::Session> for Session {
    fn from(session: session::Session) -> Self {
        Self(session)
    }
}

/// How a session stands with WhatsApp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "session::SessionStatus")]
pub(in crate::graphql) enum SessionStatus {
    /// Connecting, or about to. `Session.statusReason` says why it takes long, if WhatsApp refused the connection.
    Starting,
    /// Waits for the QR code in `Session.pairing` to be scanned.
    ScanQrCode,
    /// Connected and in step.
    Working,
    /// Down until a person acts, or until a ban ends; `Session.statusReason` says why.
    Failed,
    /// Down by request, or never started.
    Stopped,
    /// The phone, or this server, unlinked the device.
    LoggedOut,
}

/// Why a session has failed, was logged out, or takes long to start. More values may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "session::StatusCode")]
pub(in crate::graphql) enum SessionStatusCode {
    /// No phone linked the session in time. Start it again and show the person the new code.
    PairingExpired,
    /// The phone and the server could not agree on the link. Start it again.
    PairingFailed,
    /// The device was unlinked, on the phone or here. Start it and link it again.
    Unlinked,
    /// WhatsApp locked the account. The person has to unlock it on the phone.
    AccountLocked,
    /// Another account was linked than the session's own, and unlinked again. Link the first one, or make a session for
    /// the other one.
    OtherAccount,
    /// Another connection took over this device: a copy of it runs elsewhere. Stop that one, then start this one.
    Replaced,
    /// WhatsApp banned the account; `bannedUntil` says until when, if that is known.
    Banned,
    /// WhatsApp no longer accepts this version of the server. The operator has to update it.
    Outdated,
    /// What is kept of the device's keys does not open. The operator has to restore a back-up, or the session has to be
    /// logged out and linked again.
    KeysDamaged,
    /// WhatsApp refused the connection. While the status is `STARTING`, it is tried again by itself.
    Refused,
    /// The settings of the chats cannot be read from WhatsApp. Start the session again later, or log it out and link it
    /// again.
    SettingsUnreadable,
    /// An error of the server; the session is restarted by itself.
    InternalError,
    /// What is stored of the session cannot be read. The operator has to restore a back-up.
    DatabaseDamaged,
    /// Another reason, which `statusReason` tells in words.
    Other,
}

/// How far the import of an account's history is.
#[derive(Description)]
pub(in crate::graphql) struct HistoryImport(session::HistoryImport);

#[Object(use_type_description)]
impl HistoryImport {
    /// 0 to 100, as the phone says.
    async fn percent(&self) -> u8 {
        self.0.percent
    }

    /// How many chats it brought so far.
    async fn chats(&self) -> u32 {
        self.0.chats
    }

    /// How many messages it brought so far.
    async fn messages(&self) -> u32 {
        self.0.messages
    }

    /// Whether something is missing: a part that WhatsApp no longer serves, or a part in quarantine, which the operator
    /// can retry. False again once nothing is missing.
    async fn incomplete(&self) -> bool {
        self.0.is_incomplete()
    }
}

#[Object(use_type_description)]
impl Session {
    /// The session's id: what arguments called `sessionId` take.
    pub(in crate::graphql) async fn id(&self) -> ID {
        ID::from(self.0.id)
    }

    /// A name for people. Null when it was given none.
    async fn label(&self) -> Option<&str> {
        self.0.label.as_deref()
    }

    /// How it stands with WhatsApp.
    async fn status(&self) -> SessionStatus {
        self.0.status.into()
    }

    /// Why, in words for a person, if the status is `FAILED` or `LOGGED_OUT`, or `STARTING` after a failure. Null otherwise.
    async fn status_reason(&self) -> Option<&str> {
        self.0.status_reason.as_ref().map(|reason| &*reason.words)
    }

    /// The same in a word. Null if `statusReason` is.
    async fn status_code(&self) -> Option<SessionStatusCode> {
        self.0.status_reason.as_ref().map(|reason| reason.code.into())
    }

    /// When the account's ban ends; the session connects again by itself then. Null unless `statusCode` is `BANNED`, or
    /// if WhatsApp does not say when.
    async fn banned_until(&self) -> Option<Timestamp> {
        self.0.status_reason.as_ref().and_then(|reason| reason.banned_until).map(Timestamp)
    }

    /// The account's address. Null until it was paired.
    async fn jid(&self) -> Option<Jid> {
        self.0.jid.clone().map(Jid::from)
    }

    /// The account's hidden-number address. Null until WhatsApp told.
    async fn lid(&self) -> Option<Jid> {
        self.0.lid.clone().map(Jid::from)
    }

    /// The account's phone number in international format, with its `+`. Null until it was paired.
    async fn phone_number(&self) -> Option<String> {
        self.0.jid.as_ref().and_then(jid::Jid::phone_number)
    }

    /// What to pair the session with. Null unless its status is `SCAN_QR_CODE`. Requires `manage`, wherever the session
    /// was reached.
    #[expect(clippy::unused_async, reason = "the engine takes nothing else")]
    #[graphql(guard = "requires(Capability::Manage)")]
    async fn pairing(&self, context: &Context<'_>) -> Result<Option<Pairing>, ApiError> {
        let pairing = context.sessions().pairing(context.viewer(), &self.0)?;
        Ok(pairing.map(Pairing))
    }

    /// How far the import of the account's history is. Null when none was begun since it was paired.
    async fn history_import(&self) -> Option<HistoryImport> {
        self.0.history_import.map(HistoryImport)
    }

    /// What a caller is written when the call is rejected. Null when nothing is.
    async fn call_auto_reply(&self) -> Option<&str> {
        self.0.call_auto_reply.as_deref()
    }

    /// When it was made.
    async fn created_at(&self) -> Timestamp {
        self.0.created_at.into()
    }

    /// When it came online last. Null when it never was.
    async fn last_connected_at(&self) -> Option<Timestamp> {
        self.0.last_connected_at.map(Timestamp)
    }

    /// Its chats: those that have at least one message, unless `filter.includeEmpty`. Requires `read`, wherever the
    /// session was reached.
    #[expect(clippy::too_many_arguments, reason = "the contract has as many")]
    #[graphql(guard = "requires(Capability::Read)")]
    async fn chats(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which chats; all that have a message when left out.")] filter: Option<ChatFilter>,
        #[graphql(desc = "In which order.", default)] order: ChatOrder,
        #[graphql(
            desc = "How many from the beginning or behind `after`, 1 to 200; 50 when neither this nor `last` is given."
        )]
        first: Option<i64>,
        #[graphql(desc = "The cursor of the chat to go on behind; not together with `last` or `before`.")]
        after: Option<String>,
        #[graphql(desc = "How many from the end or before `before`, 1 to 200; not together with `first`.")]
        last: Option<i64>,
        #[graphql(desc = "The cursor of the chat to go back from; not together with `first` or `after`.")]
        before: Option<String>,
    ) -> Result<ChatConnection, ApiError> {
        let page = PageArguments { first, after, last, before };
        ChatConnection::of_session(context, self.0.id, ChatListArguments { filter, order, page }).await
    }

    /// One of its chats. Null, with error `not_found`, when no such chat is stored. Requires `read`, wherever the
    /// session was reached.
    #[graphql(guard = "requires(Capability::Read)")]
    async fn chat(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The chat's canonical address or any of its aliases.")] cid: Jid,
    ) -> Result<Option<Chat>, ApiError> {
        let target = ChatRef::Address { session: Some(self.0.id), cid: cid.0 };
        let chat = context.chats().chat(context.viewer(), &target).await?;
        Ok(Some(chat.into()))
    }
}
