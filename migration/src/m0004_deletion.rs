//! Adds the deletion of chats and sessions: tombstones, the position up to which messages are known, and the trash
//! organization, which owns rows that are still to be removed.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, binary, boolean, integer, text, text_null},
};

/// Migration 4.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// The id of the trash organization, which no client can have.
const NOBODY: &str = "";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [big_integer_null("horizon_at"), text_null("horizon_ids")] {
            manager.alter_table(Table::alter().table("chat").add_column(column).to_owned()).await?;
        }
        manager.create_table(tombstone()).await?;
        manager.create_table(tombstone_alias()).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        let nobody = Query::insert()
            .into_table("organization")
            .columns(["id", "last_change", "created_at"])
            .values_panic([NOBODY.into(), 0.into(), 0.into()])
            .to_owned();
        manager.execute(nobody).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["tombstone_alias", "tombstone"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        for column in ["horizon_ids", "horizon_at"] {
            manager.alter_table(Table::alter().table("chat").drop_column(column).to_owned()).await?;
        }
        for (table, column) in [("message", "chat_id"), ("chat", "id")] {
            let chats = Query::select().column("id").from("chat").and_where(of_nobody()).to_owned();
            let rows = Expr::col(column).in_subquery(chats);
            manager.execute(Query::delete().from_table(table).and_where(rows).to_owned()).await?;
        }
        manager.execute(Query::delete().from_table("session").and_where(of_nobody()).to_owned()).await?;
        let nobody = Expr::col("id").eq(NOBODY);
        manager.execute(Query::delete().from_table("organization").and_where(nobody).to_owned()).await
    }
}

fn of_nobody() -> Expr {
    Expr::col("organization").eq(NOBODY)
}

fn tombstone() -> TableCreateStatement {
    let mut session = ForeignKey::create().from("tombstone", "session_id").to("session", "id").to_owned();
    Table::create()
        .table("tombstone")
        .col(binary("chat_id").primary_key())
        .col(text("organization"))
        .col(binary("session_id"))
        .col(text("jid"))
        .col(text_null("subject"))
        .col(text_null("contact_name"))
        .col(text_null("push_name"))
        .col(text_null("business_name"))
        .col(boolean("archived"))
        .col(big_integer("archived_as_of"))
        .col(boolean("pinned"))
        .col(big_integer("pinned_as_of"))
        .col(big_integer_null("muted_until"))
        .col(big_integer("muted_as_of"))
        .col(boolean("marked_unread"))
        .col(big_integer("marked_as_of"))
        .col(integer("unread_count"))
        .col(big_integer_null("horizon_at"))
        .col(text_null("horizon_ids"))
        .col(big_integer("deleted_at"))
        .foreign_key(session.on_delete(ForeignKeyAction::Cascade))
        .to_owned()
}

fn tombstone_alias() -> TableCreateStatement {
    let mut tombstone = ForeignKey::create().from("tombstone_alias", "chat_id").to("tombstone", "chat_id").to_owned();
    Table::create()
        .table("tombstone_alias")
        .col(binary("session_id"))
        .col(text("jid"))
        .col(text("organization"))
        .col(binary("chat_id"))
        .primary_key(Index::create().col("session_id").col("jid"))
        .foreign_key(tombstone.on_delete(ForeignKeyAction::Cascade))
        .to_owned()
}

fn indexes() -> Vec<IndexCreateStatement> {
    let index = |name: &str, table: &str, column: &str| {
        Index::create().name(name).table(table.to_owned()).col(column.to_owned()).to_owned()
    };
    vec![
        index("tombstone_by_session", "tombstone", "session_id"),
        index("tombstone_alias_by_tombstone", "tombstone_alias", "chat_id"),
    ]
}
