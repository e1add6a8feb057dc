//! The rows beside the rendered objects, each kind loaded with one statement for all of them.

use std::collections::HashMap;

use async_graphql::ContextSelectionSet;
use futures_util::try_join;

use super::needs::{Needs, RelatedRows};
use crate::{
    domain::{
        chat_view::{ChatColumn, ChatView},
        id::{ChatId, MessageId, SessionId},
        jid::Jid,
        message::Message,
        session::Session,
    },
    graphql::{
        context::ContextExt as _,
        error::{ApiError, ApiErrorCode},
        loader::AddressesKey,
    },
    service::chat::Chats,
};

/// The rows beside the rendered objects.
pub(in crate::graphql) struct Related<'c> {
    /// The chat service.
    pub(in crate::graphql) chats: &'c Chats,
    /// The time of the response, in milliseconds.
    pub(in crate::graphql) now: i64,
    sessions: HashMap<SessionId, Session>,
    messages: HashMap<MessageId, Message>,
    addresses: HashMap<ChatId, Vec<Jid>>,
}

impl<'c> Related<'c> {
    /// Loads the needed rows for `chats`. `None` if a row is missing or cannot be read: the engine's resolvers then
    /// report it at each field.
    ///
    /// # Errors
    /// A read that exceeded its limit, which the engine's resolvers would only repeat.
    pub(super) async fn load(
        context: &'c ContextSelectionSet<'_>,
        chats: &[&ChatView],
        needs: &Needs,
    ) -> Result<Option<Self>, ApiError> {
        let (loader, service) = (context.loader(), context.chats());
        let chats_if = |rows: RelatedRows| chats.iter().filter(move |_| needs.related.contains(rows));
        let sessions = loader.load_many(chats_if(RelatedRows::Sessions).map(|chat| chat.session));
        let messages = chats_if(RelatedRows::LastMessages).filter_map(|chat| chat.state.last_message?.id);
        let messages = loader.load_many(messages);
        let addresses = loader.load_many(chats_if(RelatedRows::Addresses).map(|chat| AddressesKey(chat.id)));
        let (sessions, messages, addresses) = match try_join!(sessions, messages, addresses) {
            Ok(rows) => rows,
            Err(error) if error.code == ApiErrorCode::LimitExceeded => return Err(error),
            Err(_) => return Ok(None),
        };
        if chats_if(RelatedRows::Sessions).any(|chat| !sessions.contains_key(&chat.session)) {
            return Ok(None);
        }
        let now = service.now();
        if needs.columns.contains(ChatColumn::MutedUntil) {
            for chat in chats {
                context.muted_until(chat, now);
            }
        }
        Ok(Some(Self {
            chats: service,
            now,
            sessions,
            messages,
            addresses: addresses.into_iter().map(|(AddressesKey(id), addresses)| (id, addresses)).collect(),
        }))
    }

    /// The session of a chat.
    pub(in crate::graphql) fn session(&self, chat: &ChatView) -> Option<&Session> {
        self.sessions.get(&chat.session)
    }

    /// The last message of a chat.
    pub(in crate::graphql) fn last_message(&self, chat: &ChatView) -> Option<&Message> {
        self.messages.get(&chat.state.last_message?.id?)
    }

    /// The addresses of a chat, with the canonical one.
    pub(in crate::graphql) fn addresses(&self, chat: &ChatView) -> &[Jid] {
        self.addresses.get(&chat.id).map_or(&[], Vec::as_slice)
    }
}
