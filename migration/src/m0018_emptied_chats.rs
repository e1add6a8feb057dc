//! Adds the position up to which the phone cleared a chat, the position up to which a deleted chat is read, and the
//! time of the last pairing. Rows of `deleted_unread` are kept when their chat reappears: their foreign key refers to
//! the session instead of the tombstone.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, binary, text, text_null},
};

/// Migration 18.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// The new columns: times, and the message ids at exactly that time.
const COLUMNS: [(&str, &str, &str); 3] = [
    ("chat", "emptied_at", "emptied_ids"),
    ("tombstone", "emptied_at", "emptied_ids"),
    ("tombstone", "read_to_at", "read_to_ids"),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, at, ids) in COLUMNS {
            for column in [big_integer_null(at), text_null(ids)] {
                manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await?;
            }
        }
        let paired_at = big_integer_null("paired_at");
        manager.alter_table(Table::alter().table("session").add_column(paired_at).to_owned()).await?;
        remake(manager, ("session_id", "session", "id"), "TRUE").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let of_deleted_chats = "chat_id IN (SELECT chat_id FROM tombstone)";
        remake(manager, ("chat_id", "tombstone", "chat_id"), of_deleted_chats).await?;
        manager.alter_table(Table::alter().table("session").drop_column("paired_at").to_owned()).await?;
        for (table, at, ids) in COLUMNS.into_iter().rev() {
            for column in [ids, at] {
                manager.alter_table(Table::alter().table(table).drop_column(column).to_owned()).await?;
            }
        }
        Ok(())
    }
}

/// Creates `deleted_unread` again with another foreign key, and keeps the rows that match `condition`. SQLite cannot
/// change a foreign key.
async fn remake(
    manager: &SchemaManager<'_>,
    (column, table, key): (&'static str, &'static str, &'static str),
    condition: &str,
) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    let keep = format!("CREATE TABLE deleted_unread_kept AS SELECT * FROM deleted_unread WHERE {condition}");
    connection.execute_unprepared(&keep).await?;
    manager.drop_table(Table::drop().table("deleted_unread").to_owned()).await?;
    let create = Table::create()
        .table("deleted_unread")
        .col(binary("chat_id"))
        .col(binary("message_id"))
        .col(text("organization"))
        .col(binary("session_id"))
        .col(text("wa_id"))
        .col(big_integer("at"))
        .primary_key(Index::create().col("chat_id").col("message_id"))
        .foreign_key(
            ForeignKey::create().from("deleted_unread", column).to(table, key).on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned();
    manager.create_table(create).await?;
    let fill = "INSERT INTO deleted_unread (chat_id, message_id, organization, session_id, wa_id, at) \
                SELECT chat_id, message_id, organization, session_id, wa_id, at FROM deleted_unread_kept";
    connection.execute_unprepared(fill).await?;
    manager.drop_table(Table::drop().table("deleted_unread_kept").to_owned()).await?;
    let index = "CREATE INDEX deleted_unread_in_session ON deleted_unread (session_id, wa_id)";
    connection.execute_unprepared(index).await.map(drop)
}
