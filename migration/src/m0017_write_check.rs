//! Adds a row that servers write periodically, to check that the database accepts writes.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, small_integer},
};

/// Migration 17.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("write_check")
            .col(small_integer("id").primary_key())
            .col(big_integer("at"))
            .to_owned();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("write_check").to_owned()).await
    }
}
