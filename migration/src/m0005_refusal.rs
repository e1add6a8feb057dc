//! Adds the settings that WhatsApp rejected, and the values to which they are reverted.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, binary, integer, small_integer, text},
};

/// Migration 5.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(refusal()).await?;
        for (table, column) in columns() {
            manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in columns().iter().rev() {
            let column = column.get_column_name();
            manager.alter_table(Table::alter().table(*table).drop_column(column).to_owned()).await?;
        }
        manager.drop_table(Table::drop().table("refusal").to_owned()).await
    }
}

fn columns() -> [(&'static str, ColumnDef); 4] {
    [
        ("pending_action", big_integer("base_as_of").default(0).take()),
        ("pending_action", integer("unread").default(0).take()),
        ("chat", integer("refused").default(0).take()),
        ("change", integer("refused").default(0).take()),
    ]
}

fn refusal() -> TableCreateStatement {
    Table::create()
        .table("refusal")
        .col(binary("chat_id"))
        .col(small_integer("setting"))
        .col(text("organization"))
        .col(text("reason"))
        .col(big_integer("at"))
        .primary_key(Index::create().col("chat_id").col("setting"))
        .foreign_key(&mut ForeignKey::create().from("refusal", "chat_id").to("chat", "id").to_owned())
        .to_owned()
}
