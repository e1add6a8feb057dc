//! Adds the arrival order of messages, by which unread ones are counted.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, text_null},
};

/// Migration 7.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in columns() {
            manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in columns().into_iter().rev() {
            let column = column.get_column_name();
            manager.alter_table(Table::alter().table(table).drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}

fn columns() -> [(&'static str, ColumnDef); 4] {
    [
        ("message", big_integer("arrival").default(0).take()),
        ("chat", big_integer("arrivals").default(0).take()),
        ("chat", big_integer_null("read_to_at")),
        ("chat", text_null("read_to_ids")),
    ]
}
