//! Retention queries: expired rows are found by reading, and removed by units of a few hundred rows.
//!
//! These reads cover all organizations, because retention is the operator's.

use std::collections::BTreeMap;

use chatgraph_entity::{change, chat, message, organization};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, ExprTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, QueryTrait as _, Select, sea_query::Expr,
};

use super::{Store, error::StoreError, keyset, unit_of_work::UnitOfWork};
use crate::domain::{
    cursor::TimeKey,
    id::{ChatId, MessageId, OrganizationId},
};

/// Organizations, or chats, per read.
const READ_BATCH: u64 = 100;
/// Maximum number of rows that one unit removes.
const DELETE_BATCH: u64 = 500;

impl Store {
    /// Returns the next organizations after `after`; empty at the end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn organizations(&self, after: Option<&OrganizationId>) -> Result<Vec<OrganizationId>, StoreError> {
        let ids = organization::Entity::find()
            .select_only()
            .column(organization::Column::Id)
            // The trash organization has the empty id, so `> ''` skips it.
            .filter(organization::Column::Id.gt(after.map_or("", OrganizationId::as_str)))
            .order_by_asc(organization::Column::Id)
            .limit(READ_BATCH)
            .into_tuple::<String>()
            .all(&self.readers)
            .await?;
        let corrupt = |_| StoreError::Corrupt { table: "organization", column: "id" };
        ids.into_iter().map(|id| id.parse().map_err(corrupt)).collect()
    }

    /// Returns the number up to which the organization's changes are older than `before`; `None` if none is. Reads
    /// those changes once.
    ///
    /// After a clock was set back, times are out of order, but numbers never are. A time after `now` is from a clock
    /// that was ahead, and is ignored.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn changes_before(
        &self,
        organization: &OrganizationId,
        before: i64,
        now: i64,
    ) -> Result<Option<i64>, StoreError> {
        let numbers = || {
            let of_log = change::Entity::find().filter(change::Column::Organization.eq(organization.as_str()));
            of_log.select_only().column(change::Column::Number)
        };
        let kept = numbers()
            .filter(change::Column::At.gte(before))
            .filter(change::Column::At.lte(now))
            .order_by_asc(change::Column::Number)
            .into_tuple::<i64>()
            .one(&self.reader(organization))
            .await?;
        let old = numbers()
            .filter(change::Column::At.lt(before))
            .apply_if(kept, |query, kept| query.filter(change::Column::Number.lt(kept)))
            .order_by_desc(change::Column::Number)
            .into_tuple::<i64>()
            .one(&self.reader(organization))
            .await?;
        Ok(old)
    }

    /// Returns the next chats of all organizations after `after`; empty at the end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn all_chats(&self, after: Option<ChatId>) -> Result<Vec<ChatId>, StoreError> {
        let ids = chat::Entity::find()
            .select_only()
            .column(chat::Column::Id)
            .apply_if(after, |query, after| query.filter(chat::Column::Id.gt(after.to_bytes())))
            .order_by_asc(chat::Column::Id)
            .limit(READ_BATCH)
            .into_tuple::<Vec<u8>>()
            .all(&self.readers)
            .await?;
        let corrupt = |_| StoreError::Corrupt { table: "chat", column: "id" };
        ids.iter().map(|id| ChatId::from_bytes(id).map_err(corrupt)).collect()
    }

    /// Returns the newest message beyond the newest `keep`, for each of the chats that has one. Reads `keep` index
    /// entries per chat, and no rows.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn surplus_messages(&self, chats: &[ChatId], keep: u32) -> Result<Vec<(ChatId, TimeKey)>, StoreError> {
        // PostgreSQL does not allow an empty list.
        if chats.is_empty() {
            return Ok(Vec::new());
        }
        let beyond: Vec<_> = (0..).zip(chats.iter().map(|chat| beyond(*chat, keep))).collect();
        let corrupt = |column| StoreError::Corrupt { table: "message", column };
        let mut surplus = Vec::new();
        for row in self.readers.query_all(&keyset::union_all(&beyond)).await? {
            let (chat, at, id): (Vec<u8>, i64, Vec<u8>) =
                (row.try_get("", "chat_id")?, row.try_get("", "at")?, row.try_get("", "id")?);
            let chat = ChatId::from_bytes(&chat).map_err(|_| corrupt("chat_id"))?;
            surplus.push((chat, TimeKey { at, id: id.try_into().map_err(|_| corrupt("id"))? }));
        }
        Ok(surplus)
    }

    /// Returns the chat's oldest messages up to this one, at most a few hundred, by organization.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn oldest_messages(
        &self,
        chat: ChatId,
        up_to: TimeKey,
    ) -> Result<BTreeMap<OrganizationId, Vec<MessageId>>, StoreError> {
        let corrupt = |column| StoreError::Corrupt { table: "message", column };
        let mut messages = BTreeMap::<_, Vec<_>>::new();
        for (organization, id) in oldest(chat, up_to).into_tuple::<(String, Vec<u8>)>().all(&self.readers).await? {
            let organization = organization.parse().map_err(|_| corrupt("organization"))?;
            messages.entry(organization).or_default().push(MessageId::from_bytes(&id).map_err(|_| corrupt("id"))?);
        }
        Ok(messages)
    }
}

/// Query for the newest message of a chat beyond the newest `keep`.
pub(super) fn beyond(chat: ChatId, keep: u32) -> Select<message::Entity> {
    message::Entity::find()
        .select_only()
        .columns([message::Column::ChatId, message::Column::At, message::Column::Id])
        .filter(message::Column::ChatId.eq(chat.to_bytes()))
        .order_by_desc(message::Column::At)
        .order_by_desc(message::Column::Id)
        .offset(u64::from(keep))
        .limit(1)
}

/// Query for the oldest messages of a chat up to one of them.
pub(super) fn oldest(chat: ChatId, up_to: TimeKey) -> Select<message::Entity> {
    let place = Expr::tuple([message::Column::At.into_expr(), message::Column::Id.into_expr()]);
    let up_to = Expr::tuple([Expr::val(up_to.at), Expr::val(up_to.id.to_vec())]);
    message::Entity::find()
        .select_only()
        .columns([message::Column::Organization, message::Column::Id])
        .filter(message::Column::ChatId.eq(chat.to_bytes()))
        .filter(place.lte(up_to))
        .order_by_asc(message::Column::At)
        .order_by_asc(message::Column::Id)
        .limit(DELETE_BATCH)
}

impl UnitOfWork<'_> {
    /// Removes the oldest of the organization's changes up to this number, at most a few hundred; returns the number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_changes(&mut self, up_to: i64) -> Result<u64, StoreError> {
        let of_log = change::Column::Organization.eq(self.organization.as_str());
        let first = change::Entity::find()
            .select_only()
            .column(change::Column::Number)
            .filter(of_log.clone())
            .order_by_asc(change::Column::Number)
            .into_tuple::<i64>()
            .one(self.tx)
            .await?;
        let Some(first) = first else { return Ok(0) };
        // Numbers have no gaps.
        let removed = change::Entity::delete_many()
            .filter(of_log)
            .filter(
                change::Column::Number
                    .lte(up_to)
                    .and(change::Column::Number.lt(first.saturating_add(DELETE_BATCH.cast_signed()))),
            )
            .exec(self.tx)
            .await?;
        Ok(removed.rows_affected)
    }

    /// Removes messages of the organization; returns the number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_messages(&mut self, messages: &[MessageId]) -> Result<u64, StoreError> {
        let removed = message::Entity::delete_many()
            .filter(message::Column::Organization.eq(self.organization.as_str()))
            .filter(message::Column::Id.is_in(messages.iter().map(|id| id.to_bytes())))
            .exec(self.tx)
            .await?;
        Ok(removed.rows_affected)
    }
}
