//! What callers send about chats.

use async_graphql::ID;
use async_graphql::InputObject;
use async_graphql::SimpleObject;

use crate::domain::id::ChatId;
use crate::graphql::context::session_id;
use crate::graphql::error::ApiError;
use crate::graphql::scalar::Jid;
use crate::graphql::scalar::Timestamp;
use crate::service::chat::ChatRef;
use crate::service::chat::ChatUpdate;

use super::object::Chat;

/// Which chat to change, and what. A setting that is left out, or null, stays as it is.
#[derive(InputObject)]
pub(in crate::graphql) struct UpdateChatInput {
    /// The chat's canonical address or any of its aliases; either this or `id` has to be given.
    cid: Option<Jid>,
    /// The chat's session. May be left out while the organization has exactly one; not together with `id`.
    session_id: Option<ID>,
    /// The chat's id, instead of `cid` and `sessionId`. The id of a chat that was merged into another one means that one.
    id: Option<ID>,
    /// True archives the chat and unpins it, as on the phone; with `pinned: true` beside it, that is a
    /// `validation_error`. False takes it out of the archive.
    archived: Option<bool>,
    /// True pins the chat to the top and unarchives it, false unpins it. WhatsApp shows at most three pinned chats: one more
    /// is refused with `conflict`, with the ids of the pinned ones in `extensions.chatIds` for clients that have `read`. A chat that
    /// was deleted here counts while it is pinned on the phone.
    pinned: Option<bool>,
    /// Mutes the chat until then. In the future, else that is a `validation_error`; 253402300799999 mutes it for good.
    muted_until: Option<Timestamp>,
    /// True clears any mute and wins over `mutedUntil`. False when left out.
    #[graphql(default_with = "Some(false)")]
    unmute: Option<bool>,
    /// True marks all messages as read on the account's devices, without telling their senders; false marks the chat as
    /// unread, and leaves its unread messages as they are.
    read: Option<bool>,
    /// When the chat's last message was sent, if the caller knows of a later one than the stored copy: a hint that goes
    /// along with `archived`. Without it, the stored last message does. WhatsApp may take the chat out of the archive at
    /// the next message.
    last_message_timestamp: Option<Timestamp>,
}

impl UpdateChatInput {
    /// Which chat, and what shall differ about it.
    pub(super) fn into_parts(self) -> Result<(ChatRef, ChatUpdate), ApiError> {
        let target = chat_ref(self.id.as_ref(), self.cid, self.session_id.as_ref())?;
        let update = ChatUpdate {
            archived: self.archived,
            pinned: self.pinned,
            muted_until: self.muted_until.map(|until| until.0),
            unmute: self.unmute == Some(true),
            read: self.read,
            last_message_timestamp: self.last_message_timestamp.map(|at| at.0),
        };
        Ok((target, update))
    }
}

/// The chat with the id, or the one that `cid` finds in the session, or in the only one.
pub(in crate::graphql) fn chat_ref(
    id: Option<&ID>,
    cid: Option<Jid>,
    session: Option<&ID>,
) -> Result<ChatRef, ApiError> {
    match (id, cid, session) {
        (None, Some(cid), session) => {
            Ok(ChatRef::Address { session: session.map(session_id).transpose()?, cid: cid.0 })
        }
        (Some(id), None, None) => Ok(ChatRef::Id(chat_id(id)?)),
        (None, None, _) => Err(ApiError::invalid("cid", "cid: either cid or id must be given")),
        (Some(_), Some(_), _) => Err(ApiError::invalid("id", "id: must not be given together with cid")),
        (Some(_), None, Some(_)) => {
            Err(ApiError::invalid("sessionId", "sessionId: must not be given together with id"))
        }
    }
}

/// Reads a chat's id. Text that is none is a chat that does not exist.
pub(in crate::graphql) fn chat_id(id: &ID) -> Result<ChatId, ApiError> {
    id.parse().map_err(|_| ApiError::chat_not_found())
}

/// What became of the chat.
#[derive(SimpleObject)]
pub(in crate::graphql) struct UpdateChatPayload {
    /// The chat as it is now.
    pub(super) chat: Chat,
}

/// Which chat to delete.
#[derive(InputObject)]
pub(in crate::graphql) struct DeleteChatInput {
    /// The chat's canonical address or any of its aliases; either this or `id` has to be given.
    cid: Option<Jid>,
    /// The chat's session. May be left out while the organization has exactly one; not together with `id`.
    session_id: Option<ID>,
    /// The chat's id, instead of `cid` and `sessionId`. The id of a chat that was merged into another one means that one.
    id: Option<ID>,
}

impl DeleteChatInput {
    /// Which chat.
    pub(super) fn into_ref(self) -> Result<ChatRef, ApiError> {
        chat_ref(self.id.as_ref(), self.cid, self.session_id.as_ref())
    }
}

/// Which chat was deleted.
#[derive(SimpleObject)]
pub(in crate::graphql) struct DeleteChatPayload {
    /// The id that the chat had; it is never given again.
    pub(super) deleted_chat_id: ID,
    /// The chat's canonical address.
    pub(super) cid: Jid,
    /// The id of the chat's session.
    pub(super) session_id: ID,
}
