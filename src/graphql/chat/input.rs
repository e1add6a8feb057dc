//! Inputs and payloads of chat mutations.

use async_graphql::{ID, InputObject, SimpleObject};

use super::object::Chat;
use crate::{
    domain::{id::ChatId, setting::SettingValue},
    graphql::{
        context::session_id,
        error::ApiError,
        rendering::JsonOutput,
        scalar::{Jid, Timestamp},
    },
    service::chat::{ChatRef, ChatUpdate},
};

/// The chat to update, and the changes to make. A setting that is missing or null stays unchanged.
#[derive(InputObject)]
pub(in crate::graphql) struct UpdateChatInput {
    /// The chat's canonical address or any of its aliases. Either `cid` or `id` is required.
    cid: Option<Jid>,
    /// The chat's session. Optional if the organization has exactly one session. Cannot be combined with `id`.
    session_id: Option<ID>,
    /// The chat's id, instead of `cid` and `sessionId`. The id of a merged chat refers to the chat that it was merged
    /// into.
    id: Option<ID>,
    /// True archives and unpins the chat, as on the phone; together with `pinned: true` it is a `validation_error`.
    /// False unarchives the chat.
    archived: Option<bool>,
    /// True pins the chat to the top and unarchives it; false unpins it. WhatsApp shows at most three pinned chats:
    /// pinning another one returns `conflict`. For clients that have `read`, `extensions.chatIds` then lists the pinned
    /// chats. A chat that was deleted here still counts while it is pinned on the phone.
    pinned: Option<bool>,
    /// Mutes the chat until this time, which must be in the future; otherwise it is a `validation_error`.
    /// 253402300799999 mutes the chat permanently.
    muted_until: Option<Timestamp>,
    /// True unmutes the chat and takes precedence over `mutedUntil`. The default is false.
    #[graphql(default_with = "Some(false)")]
    unmute: Option<bool>,
    /// True marks all messages as read on the account's devices, without read receipts to the senders. False marks the
    /// chat as unread, and leaves `unreadCount` unchanged.
    read: Option<bool>,
    /// The time of the chat's last message, if the client knows a newer one than the stored copy. Sent with `archived`
    /// and `read`; the default is the stored last message. WhatsApp may unarchive the chat at the next message.
    last_message_timestamp: Option<Timestamp>,
}

impl UpdateChatInput {
    /// The chat, and the changes to make.
    pub(super) fn into_parts(self) -> Result<(ChatRef, ChatUpdate), ApiError> {
        let update = ChatUpdate {
            settings: self.settings(),
            last_message_timestamp: self.last_message_timestamp.map(|at| at.0),
        };
        let target = chat_ref(self.id.as_ref(), self.cid, self.session_id.as_ref())?;
        Ok((target, update))
    }

    fn settings(&self) -> Vec<SettingValue> {
        let muted_until =
            if self.unmute == Some(true) { Some(None) } else { self.muted_until.map(|until| Some(until.0)) };
        let settings = [
            self.archived.map(SettingValue::Archived),
            self.pinned.map(SettingValue::Pinned),
            muted_until.map(SettingValue::MutedUntil),
            self.read.map(SettingValue::Read),
        ];
        settings.into_iter().flatten().collect()
    }
}

/// The chat with this id, or with the address `cid` in this session, or in the only session.
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
        (None, None, _) => Err(ApiError::invalid("cid", "cid: either cid or id is required")),
        (Some(_), Some(_), _) => Err(ApiError::invalid("id", "id: cannot be combined with cid")),
        (Some(_), None, Some(_)) => Err(ApiError::invalid("sessionId", "sessionId: cannot be combined with id")),
    }
}

/// Parses a chat id. An invalid id is answered like an unknown chat.
pub(in crate::graphql) fn chat_id(id: &ID) -> Result<ChatId, ApiError> {
    id.parse().map_err(|_| ApiError::chat_not_found())
}

/// The result of `updateChat`.
#[derive(SimpleObject)]
pub(in crate::graphql) struct UpdateChatPayload {
    /// The chat after the update.
    pub(super) chat: JsonOutput<Chat>,
}

/// The chat to delete.
#[derive(InputObject)]
pub(in crate::graphql) struct DeleteChatInput {
    /// The chat's canonical address or any of its aliases. Either `cid` or `id` is required.
    cid: Option<Jid>,
    /// The chat's session. Optional if the organization has exactly one session. Cannot be combined with `id`.
    session_id: Option<ID>,
    /// The chat's id, instead of `cid` and `sessionId`. The id of a merged chat refers to the chat that it was merged
    /// into.
    id: Option<ID>,
}

impl DeleteChatInput {
    /// The chat that the input refers to.
    pub(super) fn into_ref(self) -> Result<ChatRef, ApiError> {
        chat_ref(self.id.as_ref(), self.cid, self.session_id.as_ref())
    }
}

/// The result of `deleteChat`.
#[derive(SimpleObject)]
pub(in crate::graphql) struct DeleteChatPayload {
    /// The id of the deleted chat. It is never reused.
    pub(super) deleted_chat_id: ID,
    /// The chat's canonical address.
    pub(super) cid: Jid,
    /// The id of the chat's session.
    pub(super) session_id: ID,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unmute_wins_over_a_mute() {
        let input = UpdateChatInput {
            cid: None,
            session_id: None,
            id: None,
            archived: None,
            pinned: None,
            muted_until: Some(Timestamp(5)),
            unmute: Some(true),
            read: None,
            last_message_timestamp: None,
        };
        assert_eq!(input.settings(), [SettingValue::MutedUntil(None)]);
    }
}
