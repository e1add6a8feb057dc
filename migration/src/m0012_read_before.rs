//! Adds the position up to which a chat was read before it was marked as unread, if WhatsApp has not received that yet.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer_null, boolean_null, text_null},
};

/// Migration 12.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            text_null("read_wa_id"),
            text_null("read_sender"),
            boolean_null("read_from_me"),
            big_integer_null("read_at"),
        ];
        for column in columns {
            manager.alter_table(Table::alter().table("pending_action").add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["read_at", "read_from_me", "read_sender", "read_wa_id"] {
            manager.alter_table(Table::alter().table("pending_action").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
