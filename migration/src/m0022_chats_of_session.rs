//! Finds the chats of a session without its organization, as the database does when a session's row is deleted. An
//! existing index gets another order of columns for that. The index of saved contacts is not used any more.

use sea_orm_migration::prelude::*;

/// Migration 22.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const REORDERED: &str = "chat_inbox_in_session";
const SAVED: &str = "chat_saved";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(&format!("DROP INDEX {SAVED}")).await?;
        reorder(manager, r#""session_id", "organization""#).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        reorder(manager, r#""organization", "session_id""#).await?;
        let saved = format!("CREATE INDEX {SAVED} ON chat (organization, session_id) WHERE contact_name IS NOT NULL");
        manager.get_connection().execute_unprepared(&saved).await.map(drop)
    }
}

/// Creates the index again, with these columns first.
async fn reorder(manager: &SchemaManager<'_>, first: &str) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    connection.execute_unprepared(&format!("DROP INDEX {REORDERED}")).await?;
    let create = format!(r#"CREATE INDEX "{REORDERED}" ON "chat" ({first}, "inbox_class", "inbox_rank", "id")"#);
    connection.execute_unprepared(&create).await.map(drop)
}
