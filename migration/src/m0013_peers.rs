//! Adds peers: messages and chats belong to peers, and an address belongs to a peer for a period. Before, a message had
//! the address of its sender as text, and every address referred to one chat.
//!
//! `up` creates one peer for all addresses of a chat, of a deleted chat, or of a known pair of number and LID. It
//! merges copies of one message. `down` restores the addresses of every chat, and the sender address of every message.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, binary, binary_null, boolean, text, text_null},
    sea_orm::DbBackend,
};

mod down;
mod up;

/// Migration 13.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const INDEXES: [&str; 6] = [
    "CREATE UNIQUE INDEX peer_by_chat ON peer (chat_id)",
    "CREATE INDEX peer_in_session ON peer (session_id)",
    "CREATE UNIQUE INDEX peer_address_current ON peer_address (session_id, jid) WHERE until_at IS NULL",
    "CREATE INDEX peer_address_by_peer ON peer_address (peer_id)",
    "CREATE INDEX peer_address_by_jid ON peer_address (organization, jid)",
    "CREATE INDEX deleted_unread_in_session ON deleted_unread (session_id, wa_id)",
];

/// The tables that this migration replaces.
const REPLACED: [&str; 3] = ["tombstone_alias", "chat_alias", "person"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [peer(), peer_address(), early_rewrite(), deleted_unread()] {
            manager.create_table(table).await?;
        }
        execute(manager, &INDEXES).await?;
        execute(manager, &up::PEERS).await?;
        execute(
            manager,
            if on_postgres(manager) { &up::MESSAGES_ON_POSTGRES[..] } else { &up::MESSAGES_ON_SQLITE[..] },
        )
        .await?;
        execute(manager, &up::DUPLICATES).await?;
        execute(manager, &up::MESSAGE_INDEXES).await?;
        manager.drop_index(Index::drop().name("chat_by_jid").table("chat").to_owned()).await?;
        for table in REPLACED {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in down::tables() {
            manager.create_table(table).await?;
        }
        for index in down::indexes() {
            manager.create_index(index).await?;
        }
        execute(manager, &down::ADDRESSES).await?;
        manager.create_index(down::unique_chats()).await?;
        execute(
            manager,
            if on_postgres(manager) { &down::MESSAGES_ON_POSTGRES[..] } else { &down::MESSAGES_ON_SQLITE[..] },
        )
        .await?;
        for index in down::message_indexes() {
            manager.create_index(index).await?;
        }
        for table in ["deleted_unread", "early_rewrite", "peer_address", "peer"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

/// Executes statements in which `RANDOM_ID` stands for 16 random bytes.
async fn execute(manager: &SchemaManager<'_>, statements: &[&str]) -> Result<(), DbErr> {
    let random = if on_postgres(manager) { "uuid_send(gen_random_uuid())" } else { "randomblob(16)" };
    for statement in statements {
        manager.get_connection().execute_unprepared(&statement.replace("RANDOM_ID", random)).await?;
    }
    Ok(())
}

fn on_postgres(manager: &SchemaManager) -> bool {
    manager.get_database_backend() == DbBackend::Postgres
}

fn peer() -> TableCreateStatement {
    Table::create()
        .table("peer")
        .col(binary("id").primary_key())
        .col(text("organization"))
        .col(binary("session_id"))
        .col(text("jid"))
        .col(binary_null("chat_id"))
        .foreign_key(&mut reference("peer", "session_id", "session", "id"))
        .to_owned()
}

fn peer_address() -> TableCreateStatement {
    Table::create()
        .table("peer_address")
        .col(binary("session_id"))
        .col(text("jid"))
        .col(big_integer("from_at"))
        .col(big_integer_null("until_at"))
        .col(text("organization"))
        .col(binary("peer_id"))
        .primary_key(Index::create().col("session_id").col("jid").col("from_at"))
        .check(Expr::col("until_at").gt(Expr::col("from_at")))
        .foreign_key(&mut reference("peer_address", "peer_id", "peer", "id"))
        .to_owned()
}

fn early_rewrite() -> TableCreateStatement {
    Table::create()
        .table("early_rewrite")
        .col(binary("session_id"))
        .col(text("wa_id"))
        .col(text("chat"))
        .col(text("sender"))
        .col(boolean("from_me"))
        .col(text("organization"))
        .col(boolean("revoked"))
        .col(text_null("text"))
        .col(big_integer("edited_as_of"))
        .col(big_integer("at"))
        .primary_key(Index::create().col("session_id").col("wa_id").col("chat").col("sender").col("from_me"))
        .foreign_key(&mut reference("early_rewrite", "session_id", "session", "id"))
        .to_owned()
}

fn deleted_unread() -> TableCreateStatement {
    Table::create()
        .table("deleted_unread")
        .col(binary("chat_id"))
        .col(binary("message_id"))
        .col(text("organization"))
        .col(binary("session_id"))
        .col(text("wa_id"))
        .col(big_integer("at"))
        .primary_key(Index::create().col("chat_id").col("message_id"))
        .foreign_key(&mut reference("deleted_unread", "chat_id", "tombstone", "chat_id"))
        .to_owned()
}

fn reference(
    from: &'static str,
    column: &'static str,
    to: &'static str,
    key: &'static str,
) -> ForeignKeyCreateStatement {
    ForeignKey::create().from(from, column).to(to, key).on_delete(ForeignKeyAction::Cascade).to_owned()
}
