//! Adds the time at which an API key was last used.

use sea_orm_migration::{prelude::*, schema::big_integer_null};

/// Migration 8.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = big_integer_null("last_used_at");
        manager.alter_table(Table::alter().table("api_key").add_column(column).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("api_key").drop_column("last_used_at").to_owned()).await
    }
}
