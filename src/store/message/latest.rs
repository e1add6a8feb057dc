//! The latest message of a chat, and the positions among its messages.

use chatgraph_entity::message;
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, QueryTrait as _,
};

use super::{BY_LID, of_chat, read_row, up_to_marker, with_sender};
use crate::{
    domain::{
        chat::LastMessage,
        id::ChatId,
        jid::JidKind,
        message::{Message, MessageRange},
        message_marker::MessageMarker,
        peer::present,
    },
    store::{error::StoreError, unit_cache::Messages, unit_of_work::UnitOfWork},
};

impl UnitOfWork<'_> {
    /// Returns the chat's latest stored message, in the form in which a chat refers to it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn last_message(&mut self, chat: ChatId) -> Result<Option<LastMessage>, StoreError> {
        if let Some(last) = self.cached(|cache| cache.messages(chat, Messages::last)).await? {
            return last;
        }
        self.latest_of(of_chat(self.organization, chat)).await
    }

    /// Like [`UnitOfWork::last_message`], without the messages that `place` covers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn last_message_beyond(
        &mut self,
        chat: ChatId,
        place: &MessageMarker,
    ) -> Result<Option<LastMessage>, StoreError> {
        self.flush().await?;
        self.latest_of(of_chat(self.organization, chat).add(up_to_marker(place).not())).await
    }

    /// Returns whether a message of the chat was sent before a time, in milliseconds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_messages_of_before(&mut self, chat: ChatId, at: i64) -> Result<bool, StoreError> {
        self.flush().await?;
        let before = of_chat(self.organization, chat).add(message::Column::At.lt(at));
        Ok(message::Entity::find().filter(before).one(self.tx).await?.is_some())
    }

    async fn latest_of(&mut self, condition: Condition) -> Result<Option<LastMessage>, StoreError> {
        let message = self.latest(condition).await?;
        Ok(message.map(|(message, _)| LastMessage { id: Some(message.id), at: message.at }))
    }

    /// Returns the chat's latest stored message, in the form in which WhatsApp expects it with a setting.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn message_range(&mut self, chat: ChatId) -> Result<Option<MessageRange>, StoreError> {
        self.flush().await?;
        self.range_of(of_chat(self.organization, chat)).await
    }

    /// Like [`UnitOfWork::message_range`], among the messages that `place` covers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn message_range_up_to(
        &mut self,
        chat: ChatId,
        place: &MessageMarker,
    ) -> Result<Option<MessageRange>, StoreError> {
        self.flush().await?;
        self.range_of(of_chat(self.organization, chat).add(up_to_marker(place))).await
    }

    async fn range_of(&mut self, condition: Condition) -> Result<Option<MessageRange>, StoreError> {
        let Some((message, by_lid)) = self.latest(condition).await? else { return Ok(None) };
        let Message { wa_id, from_me, sender_id, at, .. } = message;
        let mut sender = message.sender;
        // WhatsApp knows the message by the address that it was sent with.
        if by_lid {
            let periods = self.periods_of(sender_id).await?;
            sender = present(&periods, JidKind::Lid).cloned().unwrap_or(sender);
        }
        Ok(Some(MessageRange { wa_id, from_me, sender, at }))
    }

    /// Returns the WhatsApp ids of the chat's stored messages of this time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn wa_ids_at(&mut self, chat: ChatId, at: i64) -> Result<Vec<String>, StoreError> {
        self.flush().await?;
        let ids = message::Entity::find()
            .select_only()
            .column(message::Column::WaId)
            .filter(of_chat(self.organization, chat))
            .filter(message::Column::At.eq(at));
        Ok(ids.into_tuple().all(self.tx).await?)
    }

    /// Returns the latest message, and whether its sender was named by LID.
    async fn latest(&mut self, condition: Condition) -> Result<Option<(Message, bool)>, StoreError> {
        let query = with_sender(message::Entity::find())
            .filter(condition)
            .order_by_desc(message::Column::At)
            .order_by_desc(message::Column::Id)
            .limit(1)
            .into_query();
        let Some(row) = self.tx.query_one(&query).await? else { return Ok(None) };
        let named_by: i16 = row.try_get("", "named_by")?;
        Ok(Some((read_row(&row)?, named_by & BY_LID != 0)))
    }
}
