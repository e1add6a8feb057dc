//! Adds the times of edits, and an index of the mutes that end next.

use sea_orm_migration::{prelude::*, schema::big_integer};

/// Migration 11.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = big_integer("edited_as_of").default(0).take();
        manager.alter_table(Table::alter().table("message").add_column(column).to_owned()).await?;
        let mutes = "CREATE INDEX chat_mute_ends ON chat (muted_until) WHERE muted_until IS NOT NULL";
        manager.get_connection().execute_unprepared(mutes).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP INDEX chat_mute_ends").await?;
        manager.alter_table(Table::alter().table("message").drop_column("edited_as_of").to_owned()).await
    }
}
