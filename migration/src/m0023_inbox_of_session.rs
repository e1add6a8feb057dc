//! Gives a session's list in the order INBOX an index whose first column is the session and whose next ones are the
//! order. The statement compares no chat's organization, for which PostgreSQL could take the organization's index. The
//! last column excludes deleted chats from a count without reading them.

use sea_orm_migration::prelude::*;

/// Migration 23.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const INDEX: &str = "chat_inbox_in_session";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, r#""session_id", "inbox_class", "inbox_rank", "id", "organization""#).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, r#""session_id", "organization", "inbox_class", "inbox_rank", "id""#).await
    }
}

/// Creates the index again, with these columns.
async fn create(manager: &SchemaManager<'_>, columns: &str) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    connection.execute_unprepared(&format!("DROP INDEX {INDEX}")).await?;
    let create = format!(r#"CREATE INDEX "{INDEX}" ON "chat" ({columns})"#);
    connection.execute_unprepared(&create).await.map(drop)
}
