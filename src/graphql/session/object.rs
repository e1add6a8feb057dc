//! The `Session` object.

use async_graphql::{Context, Description, Enum, ID, Object};

use super::pairing::Pairing;
use crate::{
    domain::{capability::Capability, jid, session},
    graphql::{
        capability::requires,
        chat::{
            connection::{ChatConnection, ChatListArguments},
            enums::ChatOrder,
            filter::ChatFilter,
            object::Chat,
        },
        connection::PageArguments,
        context::ContextExt as _,
        error::ApiError,
        rendering::{JsonOutput, selected_columns},
        scalar::{Jid, Timestamp},
    },
    service::chat::ChatRef,
};

/// A linked WhatsApp number.
#[derive(Description)]
pub(in crate::graphql) struct Session(session::Session);

impl From<session::Session> for Session {
    fn from(session: session::Session) -> Self {
        Self(session)
    }
}

/// The status of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "session::SessionStatus")]
pub(in crate::graphql) enum SessionStatus {
    /// Connecting, or about to connect. After a failure, `Session.statusReason` explains the delay.
    Starting,
    /// Waiting for the user to scan the QR code in `Session.pairing`.
    ScanQrCode,
    /// Connected and in sync.
    Working,
    /// Disconnected until the user or the operator acts, or until a ban ends. `Session.statusReason` explains why.
    Failed,
    /// Stopped by request, or never started.
    Stopped,
    /// The device was unlinked on the phone or by this server.
    LoggedOut,
}

/// The reason why a session failed, was logged out, or is slow to start. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "session::StatusCode")]
pub(in crate::graphql) enum SessionStatusCode {
    /// No phone linked the session in time. Start it again and show the new code to the user.
    PairingExpired,
    /// The phone and the server could not complete the pairing. Start the session again.
    PairingFailed,
    /// The device was unlinked on the phone or by this server. Start the session and link it again.
    Unlinked,
    /// WhatsApp locked the account. The user must unlock it on the phone.
    AccountLocked,
    /// An account other than the session's own was linked and has been unlinked. Link the first account, or create
    /// another session for the other one.
    OtherAccount,
    /// Another connection uses the same device, since a copy of it runs elsewhere. Stop the copy, then start this
    /// session.
    Replaced,
    /// WhatsApp banned the account. `bannedUntil` is the end of the ban, if it is known.
    Banned,
    /// WhatsApp no longer accepts this version of the server. The operator must update it.
    Outdated,
    /// The stored keys of the device cannot be decrypted. The operator must restore a backup, or the session must be
    /// logged out and linked again.
    KeysDamaged,
    /// WhatsApp rejected the connection. While the status is `STARTING`, the session retries automatically.
    Refused,
    /// The chat settings cannot be read from WhatsApp. Start the session again later, or log it out and link it again.
    SettingsUnreadable,
    /// An internal error of the server. The session restarts automatically.
    InternalError,
    /// The stored data of the session cannot be read. The operator must restore a backup.
    DatabaseDamaged,
    /// Another reason, described in `statusReason`.
    Other,
}

/// The progress of importing an account's history.
#[derive(Description)]
pub(in crate::graphql) struct HistoryImport(session::HistoryImport);

#[Object(use_type_description)]
impl HistoryImport {
    /// The progress reported by the phone, from 0 to 100.
    async fn percent(&self) -> u8 {
        self.0.percent
    }

    /// The number of chats imported so far.
    async fn chats(&self) -> u32 {
        self.0.chats
    }

    /// The number of messages imported so far.
    async fn messages(&self) -> u32 {
        self.0.messages
    }

    /// True if a part is missing: WhatsApp no longer serves it, or it is in quarantine and the operator can retry it.
    /// False again when nothing is missing.
    async fn incomplete(&self) -> bool {
        self.0.is_incomplete()
    }
}

#[Object(use_type_description)]
impl Session {
    /// The session's id: the value of arguments named `sessionId`.
    pub(in crate::graphql) async fn id(&self) -> ID {
        ID::from(self.0.id)
    }

    /// Display name. Null if the session has no label.
    async fn label(&self) -> Option<&str> {
        self.0.label.as_deref()
    }

    /// The status of the session.
    async fn status(&self) -> SessionStatus {
        self.0.status.into()
    }

    /// The reason for the status, in words for the user, if the status is `FAILED` or `LOGGED_OUT`, or `STARTING` after
    /// a failure. Null otherwise.
    async fn status_reason(&self) -> Option<&str> {
        self.0.status_reason.as_ref().map(|reason| &*reason.words)
    }

    /// The reason for the status, as a code. Null if `statusReason` is null.
    async fn status_code(&self) -> Option<SessionStatusCode> {
        self.0.status_reason.as_ref().map(|reason| reason.code.into())
    }

    /// The end of the account's ban, after which the session reconnects automatically. Null unless `statusCode` is
    /// `BANNED`, or if WhatsApp does not report it.
    async fn banned_until(&self) -> Option<Timestamp> {
        self.0.status_reason.as_ref().and_then(|reason| reason.banned_until).map(Timestamp)
    }

    /// The account's address. Null before the first pairing.
    async fn jid(&self) -> Option<Jid> {
        self.0.jid.clone().map(Jid::from)
    }

    /// The account's LID (hidden-number address). Null until WhatsApp reports it.
    async fn lid(&self) -> Option<Jid> {
        self.0.lid.clone().map(Jid::from)
    }

    /// The account's phone number in international format, with its `+`. Null before the first pairing.
    async fn phone_number(&self) -> Option<String> {
        self.0.jid.as_ref().and_then(jid::Jid::phone_number)
    }

    /// The codes to pair the session with. Null unless the status is `SCAN_QR_CODE`. Requires `manage`, whichever field
    /// returned the session.
    #[expect(clippy::unused_async, reason = "async-graphql requires it")]
    #[graphql(guard = "requires(Capability::Manage)")]
    async fn pairing(&self, context: &Context<'_>) -> Result<Option<Pairing>, ApiError> {
        context.prevent_storing();
        let pairing = context.sessions().pairing(context.viewer(), &self.0)?;
        Ok(pairing.map(Pairing))
    }

    /// The progress of importing the account's history. Null if no import has begun since the pairing.
    async fn history_import(&self) -> Option<HistoryImport> {
        self.0.history_import.map(HistoryImport)
    }

    /// The text that is sent to a caller whose call is rejected. Null if no text is sent.
    async fn call_auto_reply(&self) -> Option<&str> {
        self.0.call_auto_reply.as_deref()
    }

    /// Creation time.
    async fn created_at(&self) -> Timestamp {
        self.0.created_at.into()
    }

    /// The time at which the session was last connected. Null if it was never connected.
    async fn last_connected_at(&self) -> Option<Timestamp> {
        self.0.last_connected_at.map(Timestamp)
    }

    /// The chats of the session. Excludes chats without a message, unless `filter.includeEmpty` is true.
    /// Requires `read`, whichever field returned the session.
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the field")]
    #[graphql(guard = "requires(Capability::Read)")]
    async fn chats(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The filter. By default, all chats that have a message.")] filter: Option<ChatFilter>,
        #[graphql(desc = "The order of the chats.", default)] order: ChatOrder,
        #[graphql(
            desc = "The number of items from the start of the list, or following `after`: 1 to 200. The default is 50 \
                    if `last` is missing too."
        )]
        first: Option<i64>,
        #[graphql(desc = "Return the chats after this cursor. Cannot be combined with `last` or `before`.")]
        after: Option<String>,
        #[graphql(
            desc = "The number of items from the end of the list, or preceding `before`: 1 to 200. Cannot be combined \
                    with `first`."
        )]
        last: Option<i64>,
        #[graphql(desc = "Return the chats before this cursor. Cannot be combined with `first` or `after`.")]
        before: Option<String>,
    ) -> Result<JsonOutput<ChatConnection>, ApiError> {
        let page = PageArguments { first, after, last, before };
        ChatConnection::of_session(context, self.0.id, ChatListArguments { filter, order, page }).await
    }

    /// One chat of the session. Null, with error `not_found`, if no such chat is stored. Requires `read`, whichever
    /// field returned the session.
    #[graphql(guard = "requires(Capability::Read)")]
    async fn chat(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The chat's canonical address or any of its aliases.")] cid: Jid,
    ) -> Result<Option<JsonOutput<Chat>>, ApiError> {
        let target = ChatRef::Address { session: Some(self.0.id), cid: cid.0 };
        let columns = selected_columns::<Chat>(context);
        let chat = context.chats().chat(context.viewer(), &target, columns).await?;
        Ok(Some(JsonOutput(chat.into())))
    }
}
