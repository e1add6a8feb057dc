//! Organizations, and the ends of their change logs.

use chatgraph_entity::organization;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait as _, EntityTrait as _, ExprTrait as _, QueryFilter as _, QuerySelect as _,
    QueryTrait as _,
    sea_query::{BinOper, Expr, OnConflict},
};

use super::{Store, error::StoreError, unit_of_work::UnitOfWork};
use crate::domain::{cursor::ChangeCursor, id::OrganizationId};

/// Organizations per statement.
const ROWS: usize = 1000;

impl Store {
    /// Returns the organization's newest change-log position.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn log_head(&self, organization: &OrganizationId) -> Result<ChangeCursor, StoreError> {
        let reader = self.reader(organization);
        let query = organization::Entity::find_by_id(organization.as_str())
            .select_only()
            .column(organization::Column::LastChange)
            .build(reader.get_database_backend());
        let number = reader.rows(query, |row| row.get(0)).await?.pop();
        Ok(ChangeCursor { incarnation: self.log.incarnation, number: number.unwrap_or(0) })
    }

    /// Returns the numbers of the last changes of organizations.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn log_heads(&self, of: &[OrganizationId]) -> Result<Vec<(OrganizationId, i64)>, StoreError> {
        let mut heads = Vec::with_capacity(of.len());
        for part in of.chunks(ROWS) {
            let rows: Vec<(String, i64)> = organization::Entity::find()
                .filter(organization::Column::Id.is_in(part.iter().map(OrganizationId::as_str)))
                .select_only()
                .column(organization::Column::Id)
                .column(organization::Column::LastChange)
                .into_tuple()
                .all(&self.readers)
                .await?;
            for (id, head) in rows {
                let id = id.parse().map_err(|_| StoreError::Corrupt { table: "organization", column: "id" })?;
                heads.push((id, head));
            }
        }
        Ok(heads)
    }

    /// Incarnation of this database's change log: cursors of another one are invalid.
    #[must_use]
    pub fn incarnation(&self) -> i64 {
        self.log.incarnation
    }

    /// Base of the revisions shown to clients, so that none is repeated after a restore.
    #[must_use]
    pub fn revision_base(&self) -> i64 {
        self.log.revision_base
    }
}

impl UnitOfWork<'_> {
    /// Creates the organization's row unless it exists.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ensure_organization(&mut self) -> Result<(), StoreError> {
        let row = organization::ActiveModel {
            id: Set(self.organization.to_string()),
            last_change: Set(0),
            created_at: Set(self.now),
        };
        organization::Entity::insert(row)
            .on_conflict(OnConflict::column(organization::Column::Id).do_nothing().to_owned())
            .exec_without_returning(self.tx)
            .await?;
        Ok(())
    }
}

/// Condition that a row found by its id belongs to the organization, written so that no index matches. SQLite has no
/// row statistics here: with a plain comparison it would rather scan the organization than look up some thirty ids.
pub(super) fn owns(column: &impl ColumnTrait, organization: &OrganizationId) -> Expr {
    Expr::col(column.as_column_ref()).binary(BinOper::Custom("||"), Expr::cust("''")).eq(organization.as_str())
}
