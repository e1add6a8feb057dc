//! Read positions of chats.

use chatgraph_entity::{
    chat, early_receipt,
    message::{self, Column},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait as _, Condition, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, QueryTrait as _,
    sea_query::{Expr, OnConflict},
};

use super::{error::StoreError, message::has_stored_chat, sanitize, unit_of_work::UnitOfWork};
use crate::domain::{
    id::{ChatId, OrganizationId, SessionId},
    message_marker::MessageMarker,
};

impl UnitOfWork<'_> {
    /// Extends a position by all stored messages of its second that precede one that it names: they are read, too.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn expand_marker(
        &mut self,
        chats: &[ChatId],
        mut place: MessageMarker,
    ) -> Result<MessageMarker, StoreError> {
        if place.wa_ids.is_empty() {
            return Ok(place);
        }
        let mut second = self.of_second(chats, place.at).await?;
        second.sort();
        let read = second.iter().rposition(|(_, wa_id)| place.wa_ids.contains(wa_id)).map_or(0, |last| last + 1);
        place.wa_ids.extend(second.drain(..read).map(|(_, wa_id)| wa_id));
        place.wa_ids.sort();
        place.wa_ids.dedup();
        Ok(place)
    }

    /// Extends a new position likewise; if none of its named messages is stored, by all stored messages of its second.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn expand_marker_now(&mut self, chat: ChatId, place: MessageMarker) -> Result<MessageMarker, StoreError> {
        let mut place = self.expand_marker(&[chat], place).await?;
        if !place.wa_ids.is_empty() {
            let second = self.of_second(&[chat], place.at).await?;
            if !second.iter().any(|(_, wa_id)| place.wa_ids.contains(wa_id)) {
                place.wa_ids.extend(second.into_iter().map(|(_, wa_id)| wa_id));
            }
        }
        Ok(place)
    }

    async fn of_second(&mut self, chats: &[ChatId], at: i64) -> Result<Vec<(Vec<u8>, String)>, StoreError> {
        let organization = self.organization;
        if let Some(known) = self.cached(|cache| cache.messages_of(chats, |all| all.of_second(at))).await? {
            return Ok(known);
        }
        let second = message::Entity::find()
            .select_only()
            .columns([Column::Id, Column::WaId])
            .filter(of_chats(organization, chats))
            .filter(are_stored(organization, chats))
            .filter(Column::At.eq(at));
        Ok(second.into_tuple().all(self.tx).await?)
    }

    /// Counts the incoming messages of the chats after a position, or all of them. Includes the unread messages that
    /// were deleted here.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_after(&mut self, chats: &[ChatId], place: Option<&MessageMarker>) -> Result<u32, StoreError> {
        let organization = self.organization;
        if let Some(count) = self.cached(|cache| cache.messages_of(chats, |all| all.count_behind(place))).await? {
            return Ok(count);
        }
        let mut behind = of_chats(organization, chats)
            .add(are_stored(organization, chats))
            .add(Column::FromMe.eq(false))
            .add(Column::Revoked.eq(false));
        if let Some(place) = place {
            let mut further = Condition::any().add(Column::At.gt(place.at));
            if !place.wa_ids.is_empty() {
                let named = place.wa_ids.iter().map(|id| sanitize::strip_nul(id));
                let beside = Condition::all().add(Column::At.eq(place.at)).add(Column::WaId.is_not_in(named));
                further = further.add(beside);
            }
            // A separate bound for the index.
            behind = behind.add(Column::At.gte(place.at)).add(further);
        }
        let count = message::Entity::find().filter(behind).count(self.tx).await?;
        let deleted = self.deleted_after(chats, place).await?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX).saturating_add(deleted))
    }

    /// Returns the position of the last incoming message up to `until` in a chat, before the last `unread` of them;
    /// `None` if there are no more. Revoked messages do not count, nor those in `revoked`, which are about to be.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn last_but(
        &mut self,
        chat: ChatId,
        unread: u32,
        revoked: &[&str],
        until: &MessageMarker,
    ) -> Result<Option<MessageMarker>, StoreError> {
        let read = self.cached(|cache| cache.messages(chat, |all| all.last_but(unread, revoked, until)));
        if let Some(read) = read.await? {
            return Ok(read);
        }
        let named = until.wa_ids.iter().map(|id| sanitize::strip_nul(id));
        let of_second = Condition::all().add(Column::At.eq(until.at)).add(Column::WaId.is_in(named));
        let read = message::Entity::find()
            .select_only()
            .columns([Column::At, Column::WaId])
            .filter(of_chats(self.organization, &[chat]))
            .filter(Column::FromMe.eq(false))
            .filter(Column::Revoked.eq(false))
            .filter(Column::WaId.is_not_in(revoked.iter().map(|id| sanitize::strip_nul(id))))
            .filter(Condition::any().add(Column::At.lt(until.at)).add(of_second))
            .order_by_desc(Column::At)
            .order_by_desc(Column::Id)
            .offset(u64::from(unread))
            .limit(1)
            .into_tuple::<(i64, String)>()
            .one(self.tx)
            .await?;
        Ok(read.map(|(at, wa_id)| MessageMarker { at, wa_ids: vec![wa_id] }))
    }

    /// Returns the session's incoming messages with these WhatsApp ids: their chats, ids and times.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn messages_by_wa_id(
        &mut self,
        session: SessionId,
        wa_ids: &[String],
    ) -> Result<Vec<(ChatId, String, i64)>, StoreError> {
        let organization = self.organization;
        self.flush().await?;
        let found = message::Entity::find()
            .select_only()
            .columns([Column::ChatId, Column::WaId, Column::At])
            .filter(Column::Organization.eq(organization.as_str()))
            .filter(Column::SessionId.eq(session.to_bytes()))
            .filter(Column::WaId.is_in(wa_ids.iter().map(|id| sanitize::strip_nul(id))))
            .filter(Column::FromMe.eq(false))
            // Messages of a deleted chat wait for the sweeper.
            .filter(has_stored_chat(organization))
            .into_tuple::<(Vec<u8>, String, i64)>()
            .all(self.tx)
            .await?;
        let corrupt = |_| StoreError::Corrupt { table: "message", column: "chat_id" };
        found
            .into_iter()
            .map(|(chat, wa_id, at)| Ok((ChatId::from_bytes(&chat).map_err(corrupt)?, wa_id, at)))
            .collect()
    }

    /// Records that messages were read that have not arrived yet; removes records from before `oldest`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_early_receipts(
        &mut self,
        session: SessionId,
        wa_ids: &[String],
        oldest: i64,
    ) -> Result<(), StoreError> {
        let (organization, now) = (self.organization, self.now);
        early_receipt::Entity::delete_many()
            .filter(of_session(organization, session))
            .filter(early_receipt::Column::At.lt(oldest))
            .exec(self.tx)
            .await?;
        let rows = wa_ids.iter().map(|wa_id| early_receipt::ActiveModel {
            session_id: Set(session.to_bytes()),
            organization: Set(organization.to_string()),
            wa_id: Set(sanitize::strip_nul(wa_id)),
            at: Set(now),
        });
        let key = [early_receipt::Column::SessionId, early_receipt::Column::WaId];
        let known = OnConflict::columns(key).do_nothing().to_owned();
        early_receipt::Entity::insert_many(rows).on_conflict(known).exec_without_returning(self.tx).await?;
        Ok(())
    }

    /// Returns whether an arriving message was read before, and removes the record.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take_early_receipt(&mut self, session: SessionId, wa_id: &str) -> Result<bool, StoreError> {
        let taken = early_receipt::Entity::delete_many()
            .filter(of_session(self.organization, session))
            .filter(early_receipt::Column::WaId.eq(sanitize::strip_nul(wa_id)))
            .exec(self.tx)
            .await?;
        Ok(taken.rows_affected > 0)
    }
}

fn of_chats(organization: &OrganizationId, chats: &[ChatId]) -> Condition {
    Condition::all()
        .add(Column::Organization.eq(organization.as_str()))
        .add(Column::ChatId.is_in(chats.iter().map(|id| id.to_bytes())))
}

/// Messages of a deleted chat wait for the sweeper.
fn are_stored(organization: &OrganizationId, chats: &[ChatId]) -> Expr {
    let stored = chat::Entity::find()
        .select_only()
        .column(chat::Column::Id)
        .filter(chat::Column::Organization.eq(organization.as_str()))
        .filter(chat::Column::Id.is_in(chats.iter().map(|id| id.to_bytes())))
        .into_query();
    Column::ChatId.in_subquery(stored)
}

fn of_session(organization: &OrganizationId, session: SessionId) -> Condition {
    Condition::all()
        .add(early_receipt::Column::Organization.eq(organization.as_str()))
        .add(early_receipt::Column::SessionId.eq(session.to_bytes()))
}
