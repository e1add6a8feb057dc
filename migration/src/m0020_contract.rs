//! Adds revisions of chats, codes for reasons, and the targets of merged chat ids.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, binary, binary_null, small_integer, small_integer_null, text},
    sea_orm::DbBackend,
};

/// Migration 20.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Each existing change gets its number as its revision, and each chat the revision of its last change.
const FILL: [&str; 3] = [
    r#"UPDATE "change" SET revision = number"#,
    r#"UPDATE chat SET revision = latest.number
       FROM (SELECT chat_id, MAX(number) AS number FROM "change" GROUP BY chat_id) AS latest
       WHERE latest.chat_id = chat.id"#,
    // The others were rejected by WhatsApp: code 1.
    "UPDATE refusal SET code = 2 WHERE reason LIKE 'the session was logged out%'",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in columns() {
            manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await?;
        }
        let connection = manager.get_connection();
        for fill in FILL {
            connection.execute_unprepared(fill).await?;
        }
        // Greater than every revision that clients have received, even if this database is an old backup of one that
        // already had this migration.
        let now = match manager.get_database_backend() {
            DbBackend::Postgres => "CAST(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP()) * 1000 AS bigint)",
            _ => "CAST((julianday('now') - 2440587.5) * 86400000 AS integer)",
        };
        connection.execute_unprepared(&format!("UPDATE change_log SET revision_base = {now}")).await?;
        manager.create_table(merged_chat()).await?;
        let by_session = Index::create().name("merged_chat_by_session").table("merged_chat").col("session_id").take();
        manager.create_index(by_session).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("merged_chat").to_owned()).await?;
        for (table, column) in columns().iter().rev() {
            let column = column.get_column_name();
            manager.alter_table(Table::alter().table(*table).drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}

fn columns() -> [(&'static str, ColumnDef); 7] {
    [
        ("chat", big_integer("revision").default(0).take()),
        ("change", big_integer("revision").default(0).take()),
        ("change", binary_null("replaces")),
        ("change_log", big_integer("revision_base").default(0).take()),
        ("session", small_integer_null("status_code")),
        ("session", big_integer_null("banned_until")),
        ("refusal", small_integer("code").default(1).take()),
    ]
}

fn merged_chat() -> TableCreateStatement {
    Table::create()
        .table("merged_chat")
        .col(binary("id").primary_key().take())
        .col(text("organization"))
        .col(binary("session_id"))
        .col(binary("into_id"))
        .to_owned()
}
