//! A whole organization, for the operator: counts and deletion.

use chatgraph_entity::{api_key, change, chat, message, organization, quarantined_event, session};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DbBackend, EntityTrait as _, PaginatorTrait as _, QueryFilter as _,
    QuerySelect as _, QueryTrait as _, Statement, Value,
};

use super::{Store, error::StoreError, unit_of_work::UnitOfWork, whatsapp_device};
use crate::domain::id::OrganizationId;

/// Maximum number of rows that one unit deletes: a few milliseconds' work.
const ROWS: u64 = 1_000;
/// Tables with rows of a chat, deleted before it.
const OF_CHAT: [&str; 2] = ["message", "refusal"];
/// Tables with rows of a session, deleted before it, except those of its device and its chats.
const OF_SESSION: [&str; 8] = [
    "pending_action",
    "quarantined_event",
    "early_rewrite",
    "early_receipt",
    "merged_chat",
    "tombstone",
    "peer_address",
    "peer",
];

/// Counts of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationCounts {
    /// The organization.
    pub organization: OrganizationId,
    /// Creation time, in milliseconds.
    pub created_at: i64,
    /// Its api-keys, without revoked ones.
    pub api_keys: u64,
    /// Its sessions.
    pub sessions: u64,
    /// Its chats.
    pub chats: u64,
    /// The messages of its chats.
    pub messages: u64,
    /// Its stored changes.
    pub changes: u64,
    /// Its quarantined events.
    pub quarantined_events: u64,
}

impl Store {
    /// Returns whether the organization exists.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_organization(&self, organization: &OrganizationId) -> Result<bool, StoreError> {
        let found = organization::Entity::find_by_id(organization.as_str()).count(&self.readers).await?;
        Ok(found > 0)
    }

    /// Counts the rows of an organization; `None` if it does not exist. Reads an index entry per row.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_organization(
        &self,
        organization: &OrganizationId,
    ) -> Result<Option<OrganizationCounts>, StoreError> {
        let Some(row) = organization::Entity::find_by_id(organization.as_str()).one(&self.readers).await? else {
            return Ok(None);
        };
        let (id, readers) = (organization.as_str(), &self.readers);
        let chats = chat::Entity::find().filter(chat::Column::Organization.eq(id));
        let ids = chats.clone().select_only().column(chat::Column::Id).into_query();
        let messages = message::Entity::find().filter(message::Column::ChatId.in_subquery(ids));
        let quarantined = quarantined_event::Entity::find().filter(quarantined_event::Column::Organization.eq(id));
        Ok(Some(OrganizationCounts {
            organization: organization.clone(),
            created_at: row.created_at,
            api_keys: api_key::Entity::find().filter(api_key::Column::Organization.eq(id)).count(readers).await?,
            sessions: session::Entity::find().filter(session::Column::Organization.eq(id)).count(readers).await?,
            chats: chats.count(readers).await?,
            messages: messages.count(readers).await?,
            changes: change::Entity::find().filter(change::Column::Organization.eq(id)).count(readers).await?,
            quarantined_events: quarantined.count(readers).await?,
        }))
    }

    /// Deletes some of an organization's rows, keys first and the organization itself last; returns whether there are
    /// more. No server may run on the database.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_some_of(&self, organization: &OrganizationId) -> Result<bool, StoreError> {
        self.write(organization, move |unit| Box::pin(async move { unit.delete_some_of().await })).await
    }
}

impl UnitOfWork<'_> {
    async fn delete_some_of(&mut self) -> Result<bool, StoreError> {
        let organization = self.organization;
        self.flush().await?;
        let id = || Value::from(organization.as_str());
        let mut left = ROWS;
        left -= self.delete_where("api_key", "organization", id(), left).await?;
        while left > 0 {
            let session = session::Entity::find()
                .select_only()
                .column(session::Column::Id)
                .filter(session::Column::Organization.eq(organization.as_str()))
                .into_tuple::<Vec<u8>>()
                .one(self.tx)
                .await?;
            let Some(session) = session else { break };
            left = self.delete_of_session(&session, left).await?;
            if left > 0 {
                session::Entity::delete_by_id(session).exec(self.tx).await?;
                left -= 1;
            }
        }
        for table in ["idempotency_key", "change"] {
            left -= self.delete_where(table, "organization", id(), left).await?;
        }
        if left == 0 {
            return Ok(true);
        }
        organization::Entity::delete_by_id(organization.as_str()).exec(self.tx).await?;
        Ok(false)
    }

    /// Deletes up to `left` rows of a session; returns how many more may be deleted.
    async fn delete_of_session(&mut self, session: &[u8], mut left: u64) -> Result<u64, StoreError> {
        left -= self.delete_where("pending_action", "session_id", session.to_vec().into(), left).await?;
        while left > 0 {
            let chat = chat::Entity::find()
                .select_only()
                .column(chat::Column::Id)
                .filter(chat::Column::SessionId.eq(session.to_vec()))
                .into_tuple::<Vec<u8>>()
                .one(self.tx)
                .await?;
            let Some(chat) = chat else { break };
            for table in OF_CHAT {
                left -= self.delete_where(table, "chat_id", chat.clone().into(), left).await?;
            }
            if left > 0 {
                chat::Entity::delete_by_id(chat).exec(self.tx).await?;
                left -= 1;
            }
        }
        for table in whatsapp_device::TABLES.into_iter().chain(OF_SESSION) {
            left -= self.delete_where(table, "session_id", session.to_vec().into(), left).await?;
        }
        Ok(left)
    }

    /// Deletes up to `limit` rows of `table` with this value in `column`; returns the number.
    async fn delete_where(&mut self, table: &str, column: &str, value: Value, limit: u64) -> Result<u64, StoreError> {
        if limit == 0 {
            return Ok(0);
        }
        let backend = self.tx.get_database_backend();
        // Uses the databases' physical row ids, so that no composite keys are compared.
        let some = |row: &str| format!("SELECT {row} FROM \"{table}\" WHERE {column} = $1 LIMIT {limit}");
        let rows = match backend {
            DbBackend::Postgres => format!("ctid = ANY (ARRAY({}))", some("ctid")),
            _ => format!("rowid IN ({})", some("rowid")),
        };
        let delete = Statement::from_sql_and_values(backend, format!("DELETE FROM \"{table}\" WHERE {rows}"), [value]);
        Ok(self.tx.execute_raw(delete).await?.rows_affected())
    }
}
