//! Adds the master keys with which secrets of sessions are encrypted.

use sea_orm_migration::{
    prelude::*,
    schema::{boolean, text},
};

/// Migration 9.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create().table("master_key").col(text("id").primary_key()).col(boolean("seals")).to_owned();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("master_key").to_owned()).await
    }
}
