//! Sorts pinned chats by pin time, and adds indexes for rows that are removed or counted in batches.

use sea_orm_migration::{prelude::*, schema::big_integer};

/// Migration 14.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const INBOX: [(&str, &str); 2] =
    [("chat_inbox_in_organization", r#""organization""#), ("chat_inbox_in_session", r#""organization", "session_id""#)];

const INDEXES: [(&str, &str); 3] = [
    ("tombstone_pinned", "tombstone (session_id) WHERE pinned"),
    ("chat_saved", "chat (organization, session_id) WHERE contact_name IS NOT NULL"),
    ("pending_action_by_chat", "pending_action (chat_id)"),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let rank = big_integer("inbox_rank").default(0).take();
        manager.alter_table(Table::alter().table("chat").add_column(rank).take()).await?;
        let connection = manager.get_connection();
        // The rules at the time of this migration: class 3 contains the pinned chats.
        let fill = "UPDATE chat SET inbox_rank = CASE WHEN inbox_class = 3 THEN pinned_as_of ELSE activity END";
        connection.execute_unprepared(fill).await?;
        order_by(connection, "inbox_rank").await?;
        for (name, of) in INDEXES {
            connection.execute_unprepared(&format!("CREATE INDEX {name} ON {of}")).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        for (name, _) in INDEXES.into_iter().rev() {
            connection.execute_unprepared(&format!("DROP INDEX {name}")).await?;
        }
        order_by(connection, "activity").await?;
        manager.alter_table(Table::alter().table("chat").drop_column("inbox_rank").take()).await
    }
}

/// Creates the indexes of the order INBOX again, with this column as the rank in each class.
async fn order_by(connection: &SchemaManagerConnection<'_>, column: &str) -> Result<(), DbErr> {
    for (name, whose) in INBOX {
        connection.execute_unprepared(&format!("DROP INDEX {name}")).await?;
        let create = format!(r#"CREATE INDEX "{name}" ON "chat" ({whose}, "inbox_class", "{column}", "id")"#);
        connection.execute_unprepared(&create).await?;
    }
    Ok(())
}
