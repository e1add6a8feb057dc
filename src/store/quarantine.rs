//! Quarantined events: stored, encrypted like other secrets, until a retry applies them or the operator deletes them.
//! Only `session` knows their content; here it is bytes.

use chatgraph_entity::{
    quarantined_event::{self, Column},
    session,
};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, ExprTrait as _, IntoActiveModel as _, PaginatorTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, sea_query::Expr,
};

use super::{Store, encryption::AssociatedData, error::StoreError, unit_of_work::UnitOfWork};
use crate::domain::id::{EventId, OrganizationId, SessionId};

/// Maximum number of quarantined events per session.
pub const MAX_QUARANTINED: u64 = 10_000;
/// Rows per read.
const PAGE_LEN: u64 = 200;
/// Maximum length of a reason, in characters.
const MAX_REASON_LEN: usize = 500;

/// A quarantined event, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantinedEvent {
    /// Its id.
    pub id: EventId,
    /// Its organization.
    pub organization: OrganizationId,
    /// The session that received it.
    pub session: SessionId,
    /// Its kind.
    pub kind: String,
    /// Reason why it could not be applied.
    pub reason: String,
    /// Number of attempts, including retries.
    pub attempts: u32,
    /// Time of receipt, in milliseconds.
    pub received_at: i64,
    /// True if it belongs to the import of the account's history.
    pub is_import: bool,
    /// Program version of the last attempt.
    pub version: String,
    /// Time at which a retry was requested, in milliseconds; `None` without a request.
    pub retry_at: Option<i64>,
}

impl Store {
    /// Stores an event with its payload. Returns `false` if the session already has [`MAX_QUARANTINED`] events.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn quarantine(&self, event: &QuarantinedEvent, payload: Vec<u8>) -> Result<bool, StoreError> {
        let (id, session) = (event.id.to_bytes(), event.session.to_bytes());
        let payload = self.encryption.encrypt(&AssociatedData::event(&session, &id), payload);
        let row = quarantined_event::Model {
            id,
            organization: event.organization.to_string(),
            session_id: session,
            kind: event.kind.clone(),
            reason: cut(&event.reason),
            attempts: attempts(event.attempts),
            received_at: event.received_at,
            is_import: event.is_import,
            version: event.version.clone(),
            retry_at: event.retry_at,
            payload,
        };
        self.write_session(&event.organization, event.session, move |unit| {
            Box::pin(async move { unit.quarantine(row).await })
        })
        .await
    }

    /// Returns quarantined events after `after`, oldest first, optionally of one organization or one session. For the
    /// operator only.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn quarantined_events(
        &self,
        organization: Option<&OrganizationId>,
        session: Option<SessionId>,
        after: Option<EventId>,
    ) -> Result<Vec<QuarantinedEvent>, StoreError> {
        let mut query = quarantined_event::Entity::find().filter(owned()).order_by_asc(Column::Id).limit(PAGE_LEN);
        if let Some(organization) = organization {
            query = query.filter(Column::Organization.eq(organization.as_str()));
        }
        if let Some(session) = session {
            query = query.filter(Column::SessionId.eq(session.to_bytes()));
        }
        if let Some(after) = after {
            query = query.filter(Column::Id.gt(after.to_bytes()));
        }
        query.all(&self.readers).await?.into_iter().map(from_row).collect()
    }

    /// Returns a page of the events of all organizations with a requested retry, oldest first. Unreadable rows are
    /// skipped.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn events_to_retry(&self) -> Result<Vec<QuarantinedEvent>, StoreError> {
        let query = quarantined_event::Entity::find().filter(owned()).filter(Column::RetryAt.is_not_null());
        let rows = query.order_by_asc(Column::Id).limit(PAGE_LEN).all(&self.readers).await?;
        Ok(rows.into_iter().filter_map(|row| from_row(row).ok()).collect())
    }

    /// Returns one event of any organization, for the operator.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn quarantined_event(&self, event: EventId) -> Result<Option<QuarantinedEvent>, StoreError> {
        let query = quarantined_event::Entity::find_by_id(event.to_bytes()).filter(owned());
        query.one(&self.readers).await?.map(from_row).transpose()
    }

    /// Returns the payload of an event; `None` if it is gone.
    ///
    /// # Errors
    /// [`StoreError::Sealed`] if it cannot be decrypted.
    pub async fn quarantined_payload(&self, event: EventId) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(row) = quarantined_event::Entity::find_by_id(event.to_bytes()).one(&self.readers).await? else {
            return Ok(None);
        };
        self.encryption.decrypt(&AssociatedData::event(&row.session_id, &row.id), row.payload).map(Some)
    }

    /// Requests a retry of one event, or of all; returns the number. The running server executes it, or the next one to
    /// start.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn request_retry(&self, event: Option<EventId>) -> Result<u64, StoreError> {
        let mut update = quarantined_event::Entity::update_many().filter(owned());
        if let Some(event) = event {
            update = update.filter(Column::Id.eq(event.to_bytes()));
        }
        self.write(&OrganizationId::trash(), move |unit| {
            let update = update.col_expr(Column::RetryAt, Expr::value(unit.now));
            Box::pin(async move { Ok(update.exec(unit.tx).await?.rows_affected) })
        })
        .await
    }

    /// Requests a retry of the events whose last attempt was by another program version; returns the number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn request_retry_after_upgrade(&self, version: &'static str) -> Result<u64, StoreError> {
        self.write(&OrganizationId::trash(), move |unit| {
            Box::pin(async move {
                let update = quarantined_event::Entity::update_many()
                    .col_expr(Column::RetryAt, Expr::value(unit.now))
                    .filter(Column::Version.ne(version))
                    .filter(Column::RetryAt.is_null());
                Ok(update.exec(unit.tx).await?.rows_affected)
            })
        })
        .await
    }

    /// Requests a retry of the events with fewer than `attempts` attempts.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn request_retry_of_young(&self, attempts: u32) -> Result<(), StoreError> {
        let limit = i32::try_from(attempts).unwrap_or(i32::MAX);
        self.write(&OrganizationId::trash(), move |unit| {
            Box::pin(async move {
                quarantined_event::Entity::update_many()
                    .col_expr(Column::RetryAt, Expr::value(unit.now))
                    .filter(Column::Attempts.lt(limit))
                    .filter(Column::RetryAt.is_null())
                    .exec(unit.tx)
                    .await?;
                Ok(())
            })
        })
        .await
    }

    /// Records a failed retry.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn retry_failed(
        &self,
        event: &QuarantinedEvent,
        reason: &str,
        version: &'static str,
    ) -> Result<(), StoreError> {
        let (id, reason) = (event.id.to_bytes(), cut(reason));
        self.write_session(&event.organization, event.session, move |unit| {
            Box::pin(async move {
                quarantined_event::Entity::update_many()
                    .col_expr(Column::RetryAt, Expr::value(None::<i64>))
                    .col_expr(Column::Reason, Expr::value(reason))
                    .col_expr(Column::Version, Expr::value(version))
                    .col_expr(Column::Attempts, Column::Attempts.into_expr().add(1))
                    .filter(Column::Id.eq(id))
                    .exec(unit.tx)
                    .await?;
                Ok(())
            })
        })
        .await
    }

    /// Deletes an event for the operator; returns whether it existed. Its import then stays incomplete.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_quarantined(&self, event: &QuarantinedEvent) -> Result<bool, StoreError> {
        let event = event.clone();
        self.write_session(&event.organization.clone(), event.session, move |unit| {
            Box::pin(async move {
                let is_gone = unit.remove_quarantined(&event).await?;
                if is_gone && event.is_import {
                    unit.import_lost(event.session).await?;
                }
                Ok(is_gone)
            })
        })
        .await
    }

    /// Returns a page of the events that were received before `before`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn quarantined_before(&self, before: i64) -> Result<Vec<QuarantinedEvent>, StoreError> {
        let query = quarantined_event::Entity::find().filter(owned()).filter(Column::ReceivedAt.lt(before));
        let rows = query.order_by_asc(Column::Id).limit(PAGE_LEN).all(&self.readers).await?;
        Ok(rows.into_iter().filter_map(|row| from_row(row).ok()).collect())
    }
}

impl UnitOfWork<'_> {
    async fn quarantine(&mut self, row: quarantined_event::Model) -> Result<bool, StoreError> {
        // An earlier attempt whose commit was not confirmed may have stored it.
        if quarantined_event::Entity::find_by_id(row.id.clone()).one(self.tx).await?.is_some() {
            return Ok(true);
        }
        let of_session = quarantined_event::Entity::find().filter(Column::SessionId.eq(row.session_id.clone()));
        if of_session.count(self.tx).await? >= MAX_QUARANTINED {
            return Ok(false);
        }
        if row.is_import {
            // The session's row is not parsed: it may be the cause of the failure.
            let percent = Expr::col(session::Column::ImportPercent).if_null(0);
            session::Entity::update_many()
                .col_expr(session::Column::ImportPercent, percent)
                .col_expr(session::Column::ImportQuarantined, session::Column::ImportQuarantined.into_expr().add(1))
                .filter(session::Column::Organization.eq(row.organization.as_str()))
                .filter(session::Column::Id.eq(row.session_id.clone()))
                .exec(self.tx)
                .await?;
        }
        quarantined_event::Entity::insert(row.into_active_model()).exec_without_returning(self.tx).await?;
        Ok(true)
    }

    /// Removes an event, in the unit that applies it or for the operator; returns whether it existed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_quarantined(&mut self, event: &QuarantinedEvent) -> Result<bool, StoreError> {
        self.flush().await?;
        let this = quarantined_event::Entity::delete_many().filter(Column::Id.eq(event.id.to_bytes()));
        let of_import = this.clone().filter(Column::IsImport.eq(true)).exec(self.tx).await?.rows_affected;
        if of_import > 0 {
            session::Entity::update_many()
                .col_expr(session::Column::ImportQuarantined, session::Column::ImportQuarantined.into_expr().sub(1))
                .filter(session::Column::Organization.eq(event.organization.as_str()))
                .filter(session::Column::Id.eq(event.session.to_bytes()))
                .filter(session::Column::ImportQuarantined.gt(0))
                .exec(self.tx)
                .await?;
            return Ok(true);
        }
        Ok(this.exec(self.tx).await?.rows_affected > 0)
    }

    /// Marks a session's import as permanently incomplete.
    async fn import_lost(&mut self, session: SessionId) -> Result<(), StoreError> {
        session::Entity::update_many()
            .col_expr(session::Column::ImportIncomplete, Expr::value(true))
            .filter(session::Column::Organization.eq(self.organization.as_str()))
            .filter(session::Column::Id.eq(session.to_bytes()))
            .exec(self.tx)
            .await?;
        Ok(())
    }

    /// Detaches the quarantined events of an earlier link from the import that begins now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn quarantine_leaves_import(&mut self, session: SessionId) -> Result<(), StoreError> {
        quarantined_event::Entity::update_many()
            .col_expr(Column::IsImport, Expr::value(false))
            .filter(Column::SessionId.eq(session.to_bytes()))
            .filter(Column::IsImport.eq(true))
            .exec(self.tx)
            .await?;
        Ok(())
    }
}

/// Deleted sessions wait for the sweeper.
fn owned() -> Expr {
    Column::Organization.ne(OrganizationId::trash().as_str())
}

fn cut(reason: &str) -> String {
    reason.chars().filter(|character| *character != '\0').take(MAX_REASON_LEN).collect()
}

fn attempts(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn from_row(row: quarantined_event::Model) -> Result<QuarantinedEvent, StoreError> {
    let corrupt = |column| StoreError::Corrupt { table: "quarantined_event", column };
    Ok(QuarantinedEvent {
        id: EventId::from_bytes(&row.id).map_err(|_| corrupt("id"))?,
        organization: row.organization.parse().map_err(|_| corrupt("organization"))?,
        session: SessionId::from_bytes(&row.session_id).map_err(|_| corrupt("session_id"))?,
        kind: row.kind,
        reason: row.reason,
        attempts: u32::try_from(row.attempts).map_err(|_| corrupt("attempts"))?,
        received_at: row.received_at,
        is_import: row.is_import,
        version: row.version,
        retry_at: row.retry_at,
    })
}
