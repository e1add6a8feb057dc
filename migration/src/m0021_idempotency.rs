//! Adds the objects that were created with idempotency keys.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, binary, small_integer, text},
};

/// Migration 21.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("idempotency_key")
            .col(text("organization"))
            .col(small_integer("operation"))
            .col(binary("key_hash"))
            .col(binary("input_hash"))
            .col(binary("object_id"))
            .col(big_integer("created_at"))
            .primary_key(Index::create().col("organization").col("operation").col("key_hash"))
            .to_owned();
        manager.create_table(table).await?;
        let by_age = Index::create().name("idempotency_key_by_age").table("idempotency_key").col("created_at").take();
        manager.create_index(by_age).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("idempotency_key").to_owned()).await
    }
}
