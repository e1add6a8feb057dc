//! Incarnation of the change log, and the base of the revisions.

use chatgraph_entity::change_log;
use chatgraph_migration::SchemaManager;
use sea_orm::{ActiveValue::Set, DatabaseConnection, EntityTrait as _, sea_query::OnConflict};

use super::error::StoreError;

/// Reads the change log's incarnation, and generates it for a new database.
pub(super) async fn read(writer: &DatabaseConnection) -> Result<change_log::Model, StoreError> {
    change_log::Entity::insert(draw(0))
        .on_conflict(OnConflict::column(change_log::Column::Id).do_nothing().to_owned())
        .exec_without_returning(writer)
        .await?;
    let row = change_log::Entity::find_by_id(1_i16).one(writer).await?;
    row.ok_or(StoreError::Corrupt { table: "change_log", column: "id" })
}

/// Generates a new incarnation at `now`, in milliseconds. The new revision base is above all revisions shown before,
/// including those lost in the restore: no chat changes as often as once a millisecond.
pub(super) async fn renew(writer: &DatabaseConnection, now: i64) -> Result<(), StoreError> {
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
