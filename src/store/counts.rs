//! Counts over all organizations, for monitoring, without names.

use chatgraph_entity::{pending_action, quarantined_event, session};
use sea_orm::{ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, QuerySelect as _};
use strum::VariantArray as _;

use super::{Store, enum_code::DbEnum as _, error::StoreError, group_commit::Committed};
use crate::domain::{id::OrganizationId, session::SessionStatus};

/// Counts over all organizations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// Number of sessions in each status.
    pub sessions: Vec<(SessionStatus, u64)>,
    /// Pending actions.
    pub pending_actions: u64,
    /// Quarantined events.
    pub quarantined_events: u64,
}

impl Store {
    /// Counts sessions, pending actions and quarantined events of all organizations. Three queries, two of which scan a
    /// queue.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn counts(&self) -> Result<Counts, StoreError> {
        let query = session::Entity::find()
            .select_only()
            .column(session::Column::Status)
            .column_as(session::Column::Status.count(), "sessions")
            .filter(session::Column::Organization.ne(OrganizationId::trash().as_str()))
            .group_by(session::Column::Status);
        let rows: Vec<(i16, i64)> = query.into_tuple().all(&self.readers).await?;
        let count = |code: i16| rows.iter().find(|(status, _)| *status == code).map_or(0, |(_, count)| *count);
        let sessions = SessionStatus::VARIANTS.iter().map(|status| (*status, count(status.code()).unsigned_abs()));
        let pending_actions = pending_action::Entity::find().count(&self.readers).await?;
        let quarantined = quarantined_event::Entity::find()
            .filter(quarantined_event::Column::Organization.ne(OrganizationId::trash().as_str()));
        let quarantined_events = quarantined.count(&self.readers).await?;
        Ok(Counts { sessions: sessions.collect(), pending_actions, quarantined_events })
    }

    /// Units of work and commits since the start, and failed transactions.
    #[must_use]
    pub fn committed_so_far(&self) -> Committed {
        self.group_commit.tally().read()
    }
}
