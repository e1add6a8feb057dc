//! Creates the stored copy: organizations, sessions, chats with their addresses and messages, the change log, the
//! pending actions, and the API keys.

use sea_orm_migration::{
    prelude::*,
    schema::{
        big_integer, big_integer_null, binary, binary_null, boolean, boolean_null, integer, small_integer, text,
        text_null,
    },
};

/// Migration 1.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in tables() {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in tables().iter().rev() {
            let name = table.get_table_name().cloned().ok_or_else(|| DbErr::Custom("a table without a name".into()))?;
            manager.drop_table(Table::drop().table(name).to_owned()).await?;
        }
        Ok(())
    }
}

/// Ordered so that foreign keys refer to earlier tables.
fn tables() -> Vec<TableCreateStatement> {
    vec![
        change_log(),
        organization(),
        session(),
        chat(),
        chat_alias(),
        message(),
        change(),
        pending_action(),
        api_key(),
    ]
}

fn organization() -> TableCreateStatement {
    Table::create()
        .table("organization")
        .col(text("id").primary_key())
        .col(big_integer("last_change"))
        .col(big_integer("created_at"))
        .to_owned()
}

fn change_log() -> TableCreateStatement {
    Table::create()
        .table("change_log")
        .col(small_integer("id").primary_key())
        .col(big_integer("incarnation"))
        .to_owned()
}

fn session() -> TableCreateStatement {
    Table::create()
        .table("session")
        .col(binary("id").primary_key())
        .col(text("organization"))
        .col(text_null("label"))
        .col(small_integer("status"))
        .col(text_null("status_reason"))
        .col(boolean("wanted"))
        .col(text_null("jid"))
        .col(text_null("lid"))
        .col(big_integer("created_at"))
        .col(big_integer_null("last_connected_at"))
        .foreign_key(&mut reference("session", "organization", "organization", "id"))
        .to_owned()
}

fn chat() -> TableCreateStatement {
    Table::create()
        .table("chat")
        .col(binary("id").primary_key())
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
        .col(integer("unread_count").check(Expr::col("unread_count").gte(0)))
        .col(big_integer_null("last_message_at"))
        .col(binary_null("last_message_id"))
        .col(integer("pending"))
        .col(big_integer("created_at"))
        .foreign_key(&mut reference("chat", "session_id", "session", "id"))
        .to_owned()
}

fn chat_alias() -> TableCreateStatement {
    Table::create()
        .table("chat_alias")
        .col(binary("session_id"))
        .col(text("jid"))
        .col(text("organization"))
        .col(binary("chat_id"))
        .primary_key(Index::create().col("session_id").col("jid"))
        .foreign_key(&mut reference("chat_alias", "chat_id", "chat", "id"))
        .to_owned()
}

fn message() -> TableCreateStatement {
    Table::create()
        .table("message")
        .col(binary("id").primary_key())
        .col(text("organization"))
        .col(binary("session_id"))
        .col(binary("chat_id"))
        .col(text("wa_id"))
        .col(text("sender"))
        .col(text_null("sender_name"))
        .col(boolean("from_me"))
        .col(small_integer("kind"))
        .col(text_null("text"))
        .col(big_integer("at"))
        .col(boolean("edited"))
        .col(boolean("revoked"))
        .foreign_key(&mut reference("message", "chat_id", "chat", "id"))
        .to_owned()
}

fn change() -> TableCreateStatement {
    Table::create()
        .table("change")
        .col(text("organization"))
        .col(big_integer("number"))
        .col(big_integer("at"))
        .col(small_integer("kind"))
        .col(small_integer("origin"))
        .col(binary("session_id"))
        .col(binary("chat_id"))
        .col(text("cid"))
        .col(integer("changed"))
        .col(boolean("archived"))
        .col(boolean("pinned"))
        .col(big_integer_null("muted_until"))
        .col(boolean("marked_unread"))
        .col(integer("unread_count"))
        .col(big_integer_null("last_message_at"))
        .col(binary_null("last_message_id"))
        .col(integer("pending"))
        .col(binary_null("merged_into"))
        .primary_key(Index::create().col("organization").col("number"))
        .foreign_key(&mut reference("change", "organization", "organization", "id"))
        .to_owned()
}

fn pending_action() -> TableCreateStatement {
    Table::create()
        .table("pending_action")
        .col(binary("session_id"))
        .col(binary("chat_id"))
        .col(small_integer("setting"))
        .col(text("organization"))
        .col(big_integer("version"))
        .col(big_integer("desired"))
        .col(big_integer("base"))
        .col(big_integer("requested_at"))
        .col(text_null("range_wa_id"))
        .col(text_null("range_sender"))
        .col(boolean_null("range_from_me"))
        .col(big_integer_null("range_at"))
        .primary_key(Index::create().col("session_id").col("chat_id").col("setting"))
        .foreign_key(&mut reference("pending_action", "chat_id", "chat", "id"))
        .to_owned()
}

fn api_key() -> TableCreateStatement {
    Table::create()
        .table("api_key")
        .col(binary("id").primary_key())
        .col(text("organization"))
        .col(text("name"))
        .col(text("prefix"))
        .col(text("hash").unique_key())
        .col(integer("permissions"))
        .col(big_integer("created_at"))
        .col(big_integer_null("expires_at"))
        .foreign_key(&mut reference("api_key", "organization", "organization", "id"))
        .to_owned()
}

fn indexes() -> Vec<IndexCreateStatement> {
    let index = |name: &str, table: &str| Index::create().name(name).table(table.to_owned()).to_owned();
    vec![
        index("session_by_organization", "session").col("organization").col("created_at").col("id").to_owned(),
        index("chat_by_jid", "chat").col("session_id").col("jid").unique().to_owned(),
        index("chat_recent_in_organization", "chat").col("organization").col("last_message_at").col("id").to_owned(),
        index("chat_recent_in_session", "chat")
            .col("organization")
            .col("session_id")
            .col("last_message_at")
            .col("id")
            .to_owned(),
        index("chat_alias_by_chat", "chat_alias").col("chat_id").to_owned(),
        index("message_by_wa_id", "message").col("chat_id").col("wa_id").col("sender").unique().to_owned(),
        index("message_recent", "message").col("chat_id").col("at").col("id").to_owned(),
        index("pending_action_by_request", "pending_action").col("session_id").col("requested_at").to_owned(),
        index("api_key_by_organization", "api_key").col("organization").to_owned(),
    ]
}

fn reference(
    from: &'static str,
    column: &'static str,
    to: &'static str,
    key: &'static str,
) -> ForeignKeyCreateStatement {
    ForeignKey::create().from(from, column).to(to, key).to_owned()
}
