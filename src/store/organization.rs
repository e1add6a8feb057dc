//! Organizations, the counters of their change logs, and the log's incarnation.

use chatgraph_entity::change_log;
use chatgraph_entity::organization;
use chatgraph_migration::SchemaManager;
use sea_orm::ActiveValue::Set;
use sea_orm::ColumnTrait;
use sea_orm::ConnectionTrait;
use sea_orm::DatabaseConnection;
use sea_orm::EntityTrait as _;
use sea_orm::ExprTrait as _;
use sea_orm::QueryFilter as _;
use sea_orm::QuerySelect as _;
use sea_orm::sea_query::BinOper;
use sea_orm::sea_query::Expr;
use sea_orm::sea_query::OnConflict;

use crate::domain::cursor::ChangeCursor;
use crate::domain::id::OrganizationId;

use super::Store;
use super::error::StoreError;
use super::unit_of_work::UnitOfWork;

/// Organizations per statement.
const ROWS: usize = 1000;

impl Store {
    /// Returns the organization's newest change-log position.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn log_head(&self, organization: &OrganizationId) -> Result<ChangeCursor, StoreError> {
        let number = organization::Entity::find_by_id(organization.as_str())
            .select_only()
            .column(organization::Column::LastChange)
            .into_tuple::<i64>()
            .one(&self.reader(organization))
            .await?;
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

/// Increments the counter by `count` and returns the new value. Its row lock orders the organization's commits.
pub(super) async fn raise_last_change(
    tx: &impl ConnectionTrait,
    organization: &OrganizationId,
    count: usize,
) -> Result<i64, StoreError> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let rows = organization::Entity::update_many()
        .col_expr(organization::Column::LastChange, organization::Column::LastChange.into_expr().add(count))
        .filter(organization::Column::Id.eq(organization.as_str()))
        .exec_with_returning(tx)
        .await?;
    let row = rows.first().ok_or(StoreError::Corrupt { table: "organization", column: "id" })?;
    Ok(row.last_change)
}

/// Reads the change log's incarnation, and generates it for a new database.
pub(super) async fn change_log(writer: &DatabaseConnection) -> Result<change_log::Model, StoreError> {
    change_log::Entity::insert(draw(0))
        .on_conflict(OnConflict::column(change_log::Column::Id).do_nothing().to_owned())
        .exec_without_returning(writer)
        .await?;
    let row = change_log::Entity::find_by_id(1_i16).one(writer).await?;
    row.ok_or(StoreError::Corrupt { table: "change_log", column: "id" })
}

/// Generates a new incarnation at `now`, in milliseconds. The new revision base is above all revisions shown before,
/// including those lost in the restore: no chat changes as often as once a millisecond.
pub(super) async fn renew_log(writer: &DatabaseConnection, now: i64) -> Result<(), StoreError> {
    let has_base = SchemaManager::new(writer).has_column("change_log", "revision_base").await?;
    if !has_base {
        // A backup of an earlier version gets its base from the migration that adds the column.
        let drawn = draw(0).incarnation;
        change_log::Entity::update_many()
            .set(change_log::ActiveModel { incarnation: drawn, ..Default::default() })
            .exec(writer)
            .await?;
        return Ok(());
    }
    let before = change_log::Entity::find_by_id(1_i16).one(writer).await?;
    let base = Ord::max(now, before.map_or(0, |log| log.revision_base + 1));
    let columns = [change_log::Column::Incarnation, change_log::Column::RevisionBase];
    let replace = OnConflict::column(change_log::Column::Id).update_columns(columns).to_owned();
    change_log::Entity::insert(draw(base)).on_conflict(replace).exec_without_returning(writer).await?;
    Ok(())
}

fn draw(revision_base: i64) -> change_log::ActiveModel {
    let mut random = [0; 8];
    getrandom::fill(&mut random).expect("the operating system has random bytes");
    change_log::ActiveModel {
        id: Set(1),
        incarnation: Set(i64::from_le_bytes(random) & i64::MAX),
        revision_base: Set(revision_base),
    }
}
