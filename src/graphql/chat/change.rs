//! The `ChatChangeEvent` and `ChatChange` objects.

use std::sync::Arc;

use async_graphql::{Context, Description, ID, Object, SimpleObject};

use super::{
    enums::{ChangeOrigin, ChatChangeKind, ChatField},
    object::Chat,
};
use crate::{
    domain::{change, chat, chat_view::ChatView},
    graphql::{
        context::ContextExt as _,
        error::ApiError,
        rendering::JsonOutput,
        scalar::{Jid, Timestamp},
        session::object::Session,
    },
};

/// An event of `chatChanges`: a change with its cursor, or only a cursor.
#[derive(Clone, SimpleObject)]
pub(in crate::graphql) struct ChatChangeEvent {
    /// The cursor of this event: pass it as `chatChanges(after:)` to resume. Opaque, and valid only for this
    /// organization.
    pub(super) cursor: String,
    /// The change. Null if only the cursor advanced.
    pub(super) change: Option<ChatChange>,
}

/// An entry of the change log.
#[derive(Clone, Description)]
pub(in crate::graphql) struct ChatChange(pub(super) Arc<change::Change>);

#[Object(use_type_description)]
impl ChatChange {
    /// Creation time.
    async fn at(&self) -> Timestamp {
        self.0.at.into()
    }

    /// The kind of change.
    async fn kind(&self) -> ChatChangeKind {
        self.0.kind.into()
    }

    /// The origin of the change.
    async fn origin(&self) -> ChangeOrigin {
        self.0.origin.into()
    }

    /// The id of the chat's session.
    async fn session_id(&self) -> ID {
        ID::from(self.0.session)
    }

    /// The chat's session. Null if it was deleted.
    async fn session(&self, context: &Context<'_>) -> Result<Option<Session>, ApiError> {
        Ok(context.loader().load_one(self.0.session).await?.map(Session::from))
    }

    /// The chat's id.
    async fn chat_id(&self) -> ID {
        ID::from(self.0.chat)
    }

    /// The chat's canonical address at the time of the change.
    async fn cid(&self) -> Jid {
        self.0.cid.clone().into()
    }

    /// The parts that changed. Empty for `CREATED` and `DELETED`.
    async fn changed(&self) -> Vec<ChatField> {
        self.0.changed.iter().map(ChatField::from).collect()
    }

    /// The chat with the settings, counters and revision after this change. The name, aliases and messages are the
    /// current ones, since the change log keeps no text. They are unknown if the chat was deleted or merged since;
    /// `lastMessage` is then null. Null if the kind is `DELETED`.
    async fn chat(&self, context: &Context<'_>) -> Result<Option<JsonOutput<Chat>>, ApiError> {
        match self.0.kind {
            change::ChangeKind::Deleted => return Ok(None),
            change::ChangeKind::Created | change::ChangeKind::Updated => {}
        }
        let now = context.loader().load_one(self.0.chat).await?;
        Ok(Some(JsonOutput(as_of(&self.0, now).into())))
    }

    /// The id of the chat that this chat was merged into, because both are the same user. Null unless that is the
    /// reason for `DELETED`.
    async fn merged_into_id(&self) -> Option<ID> {
        self.0.merged_into.map(ID::from)
    }

    /// The id of the chat that this one replaces. For `CREATED`, it is the deleted chat that reappears as this one. For
    /// `UPDATED`, it is the chat that was merged into this one. Null otherwise.
    async fn replaces_id(&self) -> Option<ID> {
        self.0.replaces.map(ID::from)
    }
}

/// The chat after `change`, based on the current chat, or on an empty chat if there is no current one.
fn as_of(change: &change::Change, now: Option<ChatView>) -> ChatView {
    let is_gone = now.is_none();
    let empty = || chat::Chat::new(change.chat, change.session, change.cid.clone(), change.at).into();
    let mut chat = now.unwrap_or_else(empty);
    chat.restore_to(change);
    // The message may belong to another chat by now.
    if let Some(last) = chat.state.last_message.as_mut().filter(|_| is_gone) {
        last.id = None;
    }
    chat
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{ChatId, SessionId};

    fn archived_then() -> (change::Change, chat::Chat) {
        let jid = "15550100@s.whatsapp.net".parse().expect("a JID");
        let mut chat = chat::Chat::new(ChatId::new(1), SessionId::new(1), jid, 1);
        chat.settings.archived.value = true;
        chat.unread_count = 2;
        let change = chat.created(2, change::Origin::Import);
        chat.settings.archived.value = false;
        chat.names.contact = Some("Mei Tanaka".into());
        (change, chat)
    }

    #[test]
    fn a_changes_chat_has_the_settings_of_then_and_the_name_of_now() {
        let (change, now) = archived_then();
        let shown = as_of(&change, Some(now.into()));
        assert_eq!((shown.state.settings.archived.value, shown.state.unread_count), (true, 2));
        assert_eq!(shown.name().as_deref(), Some("Mei Tanaka"));
    }

    #[test]
    fn a_chat_that_was_deleted_since_is_shown_from_the_change_alone() {
        let (change, now) = archived_then();
        let shown = as_of(&change, None);
        assert_eq!((shown.id, shown.session, &shown.jid), (now.id, now.session, &now.jid));
        assert_eq!((shown.state.settings.archived.value, shown.state.unread_count), (true, 2));
        assert_eq!(shown.display_name, None);
    }
}
