//! Deletion in two phases. The unit that deletes a row moves it to the trash organization ([`OrganizationId::trash`]),
//! which no client can query: from that commit on it is gone. The sweeper then purges it in small batches, so that
//! every commit is short. Rows that a killed process left are purged by the next one.

use chatgraph_entity::{chat, message, pending_action, quarantined_event, refusal, session, tombstone};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter as _, QuerySelect as _, QueryTrait as _, sea_query::Expr};

use super::{Store, batched_delete, error::StoreError, unit_of_work::UnitOfWork};
use crate::domain::{
    chat::Chat,
    id::{OrganizationId, SessionId},
};

/// Maximum number of rows that one unit purges: a few milliseconds' work.
const BATCH_ROWS: u64 = 500;
/// Tables with rows of a session, except those of its device.
const OF_SESSION: [&str; 7] =
    ["merged_chat", "peer_address", "peer", "early_rewrite", "early_receipt", "deleted_unread", "quarantined_event"];

impl Store {
    /// Purges some rows of the trash organization; returns whether there may be more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn purge_batch(&self) -> Result<bool, StoreError> {
        let nobody = OrganizationId::trash();
        self.write(&nobody, |unit| Box::pin(async move { unit.sweep().await })).await
    }
}

impl UnitOfWork<'_> {
    /// Moves a chat to the trash organization and deletes its pending actions; its messages are purged later.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn soft_delete_chat(&mut self, chat: &Chat) -> Result<(), StoreError> {
        let organization = self.organization;
        self.flush().await?;
        let id = chat.id.to_bytes();
        pending_action::Entity::delete_many()
            .filter(pending_action::Column::Organization.eq(organization.as_str()))
            .filter(pending_action::Column::SessionId.eq(chat.session.to_bytes()))
            .filter(pending_action::Column::ChatId.eq(id.clone()))
            .exec(self.tx)
            .await?;
        refusal::Entity::delete_many()
            .filter(refusal::Column::Organization.eq(organization.as_str()))
            .filter(refusal::Column::ChatId.eq(id.clone()))
            .exec(self.tx)
            .await?;
        chat::Entity::update_many()
            .col_expr(chat::Column::Organization, Expr::value(OrganizationId::trash().as_str()))
            .filter(chat::Column::Organization.eq(organization.as_str()))
            .filter(chat::Column::Id.eq(id))
            .exec(self.tx)
            .await?;
        Ok(())
    }

    /// Moves a session without chats to the trash organization.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn soft_delete_session(&mut self, session: SessionId) -> Result<(), StoreError> {
        let organization = self.organization;
        self.flush().await?;
        session::Entity::update_many()
            .col_expr(session::Column::Organization, Expr::value(OrganizationId::trash().as_str()))
            // It may have been started while its device was unlinked.
            .col_expr(session::Column::Wanted, Expr::value(false))
            .filter(session::Column::Organization.eq(organization.as_str()))
            .filter(session::Column::Id.eq(session.to_bytes()))
            .exec(self.tx)
            .await?;
        quarantined_event::Entity::update_many()
            .col_expr(quarantined_event::Column::Organization, Expr::value(OrganizationId::trash().as_str()))
            .filter(quarantined_event::Column::Organization.eq(organization.as_str()))
            .filter(quarantined_event::Column::SessionId.eq(session.to_bytes()))
            .exec(self.tx)
            .await?;
        Ok(())
    }

    async fn sweep(&mut self) -> Result<bool, StoreError> {
        let mut left = BATCH_ROWS;
        let mut chats = chat::Entity::find()
            .select_only()
            .column(chat::Column::Id)
            .filter(chat::Column::Organization.eq(OrganizationId::trash().as_str()))
            .limit(BATCH_ROWS)
            .into_tuple::<Vec<u8>>()
            .all(self.tx)
            .await?
            .into_iter();
        for id in chats.by_ref() {
            let of_chat = message::Column::ChatId.eq(id.clone());
            left -= self.remove::<message::Entity>(message::Column::Id, of_chat, left).await?;
            if left == 0 {
                return Ok(true);
            }
            chat::Entity::delete_by_id(id).exec(self.tx).await?;
            left -= 1;
            if left == 0 {
                return Ok(true);
            }
        }
        let sessions = session::Entity::find()
            .select_only()
            .column(session::Column::Id)
            .filter(session::Column::Organization.eq(OrganizationId::trash().as_str()))
            .limit(BATCH_ROWS)
            .into_tuple::<Vec<u8>>()
            .all(self.tx)
            .await?;
        for id in sessions {
            let of_session = tombstone::Column::SessionId.eq(id.clone());
            left -= self.remove::<tombstone::Entity>(tombstone::Column::ChatId, of_session, left).await?;
            left = left.saturating_sub(self.clear_session(&id, left).await?);
            for table in OF_SESSION {
                left -= batched_delete::remove(self.tx, table, "TRUE", &id, left).await?;
            }
            if left == 0 {
                return Ok(true);
            }
            let of_session = quarantined_event::Column::SessionId.eq(id.clone());
            left -= self.remove::<quarantined_event::Entity>(quarantined_event::Column::Id, of_session, left).await?;
            if left == 0 {
                return Ok(true);
            }
            session::Entity::delete_by_id(id).exec(self.tx).await?;
            left -= 1;
            if left == 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Deletes up to `limit` rows that match `condition`, and returns the number.
    async fn remove<E: EntityTrait>(&mut self, key: E::Column, condition: Expr, limit: u64) -> Result<u64, StoreError> {
        let some = E::find().select_only().column(key).filter(condition).limit(limit).into_query();
        Ok(E::delete_many().filter(key.in_subquery(some)).exec(self.tx).await?.rows_affected)
    }
}
