//! Creates the tables for the WhatsApp library's state of a session. Deleting the session deletes them too.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, binary, boolean, small_integer, text},
};

/// Migration 2.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TABLES: [&str; 5] = ["device_record", "device_sender_key", "device_lid", "device_token", "device_secret"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [record(), sender_key(), lid(), token(), secret()] {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn record() -> TableCreateStatement {
    of_session(TABLES[0], &["kind", "key"])
        .col(small_integer("kind"))
        .col(binary("key"))
        .col(binary("value"))
        .col(big_integer_null("at"))
        .to_owned()
}

fn sender_key() -> TableCreateStatement {
    of_session(TABLES[1], &["group_jid", "device_jid"])
        .col(text("group_jid"))
        .col(text("device_jid"))
        .col(boolean("has_key"))
        .to_owned()
}

fn lid() -> TableCreateStatement {
    of_session(TABLES[2], &["lid"])
        .col(text("lid"))
        .col(text("phone"))
        .col(big_integer("created_at"))
        .col(big_integer("updated_at"))
        .col(text("source"))
        .to_owned()
}

fn token() -> TableCreateStatement {
    of_session(TABLES[3], &["jid"])
        .col(text("jid"))
        .col(binary("token"))
        .col(big_integer("token_at"))
        .col(big_integer_null("sender_at"))
        .to_owned()
}

fn secret() -> TableCreateStatement {
    of_session(TABLES[4], &["key"])
        .col(binary("key"))
        .col(binary("secret"))
        .col(big_integer("expires_at"))
        .col(big_integer("message_at"))
        .to_owned()
}

/// A table of rows that belong to a session, with the session and `key` as the primary key.
fn of_session(name: &'static str, key: &[&'static str]) -> TableCreateStatement {
    let mut primary = Index::create().col("session_id").to_owned();
    for column in key {
        primary.col(*column);
    }
    let mut session = ForeignKey::create().from(name, "session_id").to("session", "id").to_owned();
    Table::create()
        .table(name)
        .col(binary("session_id"))
        .primary_key(&mut primary)
        .foreign_key(session.on_delete(ForeignKeyAction::Cascade))
        .to_owned()
}

fn indexes() -> Vec<IndexCreateStatement> {
    let index =
        |name: &str, table: &str| Index::create().name(name).table(table.to_owned()).col("session_id").to_owned();
    vec![
        // Most records never expire, and are not in this index.
        index("device_record_by_age", TABLES[0])
            .col("kind")
            .col("at")
            .and_where(Expr::col("at").is_not_null())
            .to_owned(),
        index("device_sender_key_by_device", TABLES[1]).col("device_jid").to_owned(),
        index("device_lid_by_phone", TABLES[2]).col("phone").col("updated_at").to_owned(),
        index("device_secret_by_age", TABLES[4]).col("expires_at").to_owned(),
    ]
}
