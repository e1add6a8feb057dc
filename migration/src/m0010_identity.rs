//! Adds pairs of number and LID, the address that WhatsApp used last for a chat, and messages that were read before
//! they arrived.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, binary, text, text_null},
};

/// Migration 10.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const INDEXES: [(&str, &str, [&str; 2]); 3] = [
    ("person_by_phone", "person", ["session_id", "phone"]),
    ("chat_alias_by_jid", "chat_alias", ["organization", "jid"]),
    ("message_in_session", "message", ["session_id", "wa_id"]),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(person()).await?;
        manager.create_table(early_receipt()).await?;
        for column in columns() {
            manager.alter_table(Table::alter().table("chat").add_column(column).to_owned()).await?;
        }
        for (name, table, columns) in INDEXES {
            let mut index = Index::create().name(name).table(table).to_owned();
            for column in columns {
                index.col(column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, table, _) in INDEXES.into_iter().rev() {
            manager.drop_index(Index::drop().name(name).table(table).to_owned()).await?;
        }
        for column in columns().into_iter().rev() {
            let column = column.get_column_name();
            manager.alter_table(Table::alter().table("chat").drop_column(column).to_owned()).await?;
        }
        for table in ["early_receipt", "person"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn columns() -> [ColumnDef; 2] {
    [text_null("address"), big_integer("address_as_of").default(0).take()]
}

fn person() -> TableCreateStatement {
    of_session("person").col(text("lid")).col(text("phone")).primary_key(&mut key("lid")).to_owned()
}

fn early_receipt() -> TableCreateStatement {
    of_session("early_receipt").col(text("wa_id")).col(big_integer("at")).primary_key(&mut key("wa_id")).to_owned()
}

fn of_session(table: &'static str) -> TableCreateStatement {
    let mut session = ForeignKey::create().from(table, "session_id").to("session", "id").to_owned();
    Table::create()
        .table(table)
        .col(binary("session_id"))
        .col(text("organization"))
        .foreign_key(session.on_delete(ForeignKeyAction::Cascade))
        .to_owned()
}

fn key(column: &'static str) -> IndexCreateStatement {
    Index::create().col("session_id").col(column).to_owned()
}
