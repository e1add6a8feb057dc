//! Adds the quarantine of events that could not be applied to the stored copy yet.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, binary, boolean, integer, text},
};

/// Migration 15.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(quarantined_event()).await?;
        let of_session = Index::create()
            .name("quarantined_event_of_session")
            .table("quarantined_event")
            .col("session_id")
            .to_owned();
        manager.create_index(of_session).await?;
        let to_retry = "CREATE INDEX quarantined_event_to_retry ON quarantined_event (id) WHERE retry_at IS NOT NULL";
        manager.get_connection().execute_unprepared(to_retry).await?;
        let column = integer("import_quarantined").default(0).take();
        manager.alter_table(Table::alter().table("session").add_column(column).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("session").drop_column("import_quarantined").to_owned()).await?;
        manager.drop_table(Table::drop().table("quarantined_event").to_owned()).await
    }
}

fn quarantined_event() -> TableCreateStatement {
    Table::create()
        .table("quarantined_event")
        .col(binary("id").primary_key())
        .col(text("organization"))
        .col(binary("session_id"))
        .col(text("kind"))
        .col(text("reason"))
        .col(integer("attempts"))
        .col(big_integer("received_at"))
        .col(boolean("is_import"))
        .col(text("version"))
        .col(big_integer_null("retry_at"))
        .col(binary("payload"))
        .foreign_key(
            ForeignKey::create()
                .from("quarantined_event", "session_id")
                .to("session", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}
