//! Adds a session's automatic reply to callers, and the progress of its history import.

use sea_orm_migration::{
    prelude::*,
    schema::{boolean, integer, small_integer_null, text_null},
};

/// Migration 6.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in columns() {
            manager.alter_table(Table::alter().table("session").add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in columns().iter().rev() {
            let column = column.get_column_name();
            manager.alter_table(Table::alter().table("session").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}

fn columns() -> [ColumnDef; 5] {
    [
        text_null("call_auto_reply"),
        small_integer_null("import_percent"),
        integer("import_chats").default(0).take(),
        integer("import_messages").default(0).take(),
        boolean("import_incomplete").default(false).take(),
    ]
}
