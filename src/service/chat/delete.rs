//! Deletion of chats from the stored copy: by a client, by the phone, or with a whole session. WhatsApp is not changed.

use crate::{
    domain::{
        change::Origin, chat::Chat, id::SessionId, jid::Jid, pending_action::PendingAction, tombstone::Tombstone,
    },
    service::error::Error,
    store::{UnitOfWork, error::StoreError},
};

/// A command to delete a chat, ready for its unit of work.
#[derive(Clone)]
pub(in crate::service) struct DeleteChat {
    pub(in crate::service) session: SessionId,
    pub(in crate::service) cid: Jid,
}

impl DeleteChat {
    /// Deletes the chat and returns it as it was.
    pub(in crate::service) async fn execute(self, unit: &mut UnitOfWork<'_>) -> Result<Chat, Error> {
        let found = unit.chat_for_update(self.session, &self.cid).await?;
        let chat = found.ok_or(Error::ChatNotFound)?;
        delete(unit, &chat, Origin::Api).await?;
        Ok(chat)
    }
}

/// Deletes a locked chat and leaves a tombstone. Its pending actions are dropped.
pub(in crate::service) async fn delete(
    unit: &mut UnitOfWork<'_>,
    chat: &Chat,
    origin: Origin,
) -> Result<(), StoreError> {
    let waiting = unit.pending_actions_of(chat).await?;
    delete_with_tombstone(unit, chat, &waiting, origin).await
}

/// Deletes a locked chat and leaves a tombstone with WhatsApp's state; `waiting` is what WhatsApp does not have yet.
pub(in crate::service) async fn delete_with_tombstone(
    unit: &mut UnitOfWork<'_>,
    chat: &Chat,
    waiting: &[PendingAction],
    origin: Origin,
) -> Result<(), StoreError> {
    let newest = match chat.last_message {
        Some(last) => unit.wa_ids_at(chat.id, last.at).await?,
        None => Vec::new(),
    };
    let tombstone = Tombstone::new(chat.clone(), waiting, newest, unit.now());
    unit.insert_tombstone(&tombstone).await?;
    unit.keep_unread(&tombstone).await?;
    delete_permanently(unit, chat, origin).await
}

/// Deletes a locked chat without a tombstone, because its session is deleted.
pub(in crate::service) async fn delete_permanently(
    unit: &mut UnitOfWork<'_>,
    chat: &Chat,
    origin: Origin,
) -> Result<(), StoreError> {
    unit.soft_delete_chat(chat).await?;
    unit.record(chat.deleted(unit.now(), origin));
    Ok(())
}
