//! Adds the creator of an API key, and its secret before the last rotation.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer_null, text_null},
};

/// Migration 19.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Null for existing keys, since it was not recorded.
        let columns = [
            text_null("created_by"),
            text_null("created_by_id"),
            text_null("previous_hash"),
            big_integer_null("previous_until"),
        ];
        for column in columns {
            manager.alter_table(Table::alter().table("api_key").add_column(column).to_owned()).await?;
        }
        let rotated = "CREATE INDEX api_key_previous ON api_key (previous_hash) WHERE previous_hash IS NOT NULL";
        manager.get_connection().execute_unprepared(rotated).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP INDEX api_key_previous").await?;
        for column in ["previous_until", "previous_hash", "created_by_id", "created_by"] {
            manager.alter_table(Table::alter().table("api_key").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
