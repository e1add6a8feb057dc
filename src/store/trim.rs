//! What is old enough to go: found by reading, removed by units of a few hundred rows, so that nobody waits for it.
//!
//! The readers here go through all organizations: trimming is the operator's, not a caller's.

use std::collections::BTreeMap;

use chatgraph_entity::change;
use chatgraph_entity::chat;
use chatgraph_entity::message;
use chatgraph_entity::organization;
use sea_orm::ColumnTrait as _;
use sea_orm::ConnectionTrait as _;
use sea_orm::EntityTrait as _;
use sea_orm::QueryFilter as _;
use sea_orm::QueryOrder as _;
use sea_orm::QuerySelect as _;
use sea_orm::QueryTrait as _;
use sea_orm::Statement;
use sea_orm::Value;

use crate::domain::id::ChatId;
use crate::domain::id::MessageId;
use crate::domain::id::OrganizationId;

use super::Store;
use super::error::StoreError;
use super::unit::Unit;

/// Organizations, or chats, that are looked through at once.
const LOOK: u64 = 100;
/// Rows that one unit removes at most.
const REMOVE: u64 = 500;

impl Store {
    /// The next organizations behind `after`; none at the end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn organizations(&self, after: Option<&OrganizationId>) -> Result<Vec<OrganizationId>, StoreError> {
        let ids = organization::Entity::find()
            .select_only()
            .column(organization::Column::Id)
            // Nobody's id is empty, so nobody comes first and is never behind anything.
            .filter(organization::Column::Id.gt(after.map_or("", OrganizationId::as_str)))
            .order_by_asc(organization::Column::Id)
            .limit(LOOK)
            .into_tuple::<String>()
            .all(&self.readers)
            .await?;
        let corrupt = |_| StoreError::Corrupt { table: "organization", column: "id" };
        ids.into_iter().map(|id| id.parse().map_err(corrupt)).collect()
    }

    /// The number up to which the organization's log is from before `before`, some hundred changes at most; none when
    /// nothing is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn changes_before(&self, organization: &OrganizationId, before: i64) -> Result<Option<i64>, StoreError> {
        let oldest = change::Entity::find()
            .select_only()
            .columns([change::Column::Number, change::Column::At])
            .filter(change::Column::Organization.eq(organization.as_str()))
            .order_by_asc(change::Column::Number)
            .limit(REMOVE)
            .into_tuple::<(i64, i64)>()
            .all(&self.readers)
            .await?;
        // A clock that was set back leaves times out of order; numbers never are.
        Ok(oldest.into_iter().take_while(|(_, at)| *at < before).last().map(|(number, _)| number))
    }

    /// The next chats behind `after`, of whatever organization; none at the end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn all_chats(&self, after: Option<ChatId>) -> Result<Vec<ChatId>, StoreError> {
        let ids = chat::Entity::find()
            .select_only()
            .column(chat::Column::Id)
            .apply_if(after, |query, after| query.filter(chat::Column::Id.gt(after.to_bytes())))
            .order_by_asc(chat::Column::Id)
            .limit(LOOK)
            .into_tuple::<Vec<u8>>()
            .all(&self.readers)
            .await?;
        let corrupt = |_| StoreError::Corrupt { table: "chat", column: "id" };
        ids.iter().map(|id| ChatId::from_bytes(id).map_err(corrupt)).collect()
    }

    /// Messages beyond the newest `keep` of each of the chats, some hundred at most; none when no chat has too many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn surplus_messages(
        &self,
        chats: &[ChatId],
        keep: u32,
    ) -> Result<BTreeMap<OrganizationId, Vec<MessageId>>, StoreError> {
        // PostgreSQL takes no empty list.
        if chats.is_empty() {
            return Ok(BTreeMap::new());
        }
        let places = (2..chats.len() + 2).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ");
        let sql = format!(
            "SELECT organization, id FROM (\
             SELECT organization, id, ROW_NUMBER() OVER (PARTITION BY chat_id ORDER BY at DESC, id DESC) AS place \
             FROM message WHERE chat_id IN ({places})) AS placed WHERE place > $1 LIMIT {REMOVE}"
        );
        let values = std::iter::once(Value::from(i64::from(keep))).chain(chats.iter().map(|id| id.to_bytes().into()));
        let query = Statement::from_sql_and_values(self.readers.get_database_backend(), sql, values);
        let corrupt = |column| StoreError::Corrupt { table: "message", column };
        let mut messages = BTreeMap::<_, Vec<_>>::new();
        for row in self.readers.query_all_raw(query).await? {
            let organization: String = row.try_get_by_index(0)?;
            let organization = organization.parse().map_err(|_| corrupt("organization"))?;
            let id: Vec<u8> = row.try_get_by_index(1)?;
            messages.entry(organization).or_default().push(MessageId::from_bytes(&id).map_err(|_| corrupt("id"))?);
        }
        Ok(messages)
    }
}

impl Unit<'_> {
    /// Removes the organization's changes up to the one with this number; tells how many that were.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_changes(&mut self, organization: &OrganizationId, up_to: i64) -> Result<u64, StoreError> {
        let removed = change::Entity::delete_many()
            .filter(change::Column::Organization.eq(organization.as_str()))
            .filter(change::Column::Number.lte(up_to))
            .exec(self.tx)
            .await?;
        Ok(removed.rows_affected)
    }

    /// Removes messages of the organization; tells how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_messages(
        &mut self,
        organization: &OrganizationId,
        messages: &[MessageId],
    ) -> Result<u64, StoreError> {
        let removed = message::Entity::delete_many()
            .filter(message::Column::Organization.eq(organization.as_str()))
            .filter(message::Column::Id.is_in(messages.iter().map(|id| id.to_bytes())))
            .exec(self.tx)
            .await?;
        Ok(removed.rows_affected)
    }
}
