//! Adds the columns by which chats are sorted, filtered and searched, with their indexes.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, small_integer, text},
    sea_orm::{DbBackend, QueryResult},
};
use unicode_normalization::UnicodeNormalization as _;

/// Migration 3.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const COLUMNS: [&str; 4] = ["kind", "activity", "inbox_class", "searchable"];
/// Number of rows that are read and filled at once.
const ROWS: u64 = 1_000;

/// Most servers provide the extension, and any owner of a database may create it. If it cannot be created, a search
/// scans the list instead of the index.
const TRIGRAMS: &str = "DO $$ BEGIN \
    CREATE EXTENSION IF NOT EXISTS pg_trgm; \
    CREATE INDEX chat_searchable ON chat USING gin (searchable gin_trgm_ops); \
    EXCEPTION WHEN OTHERS THEN NULL; END $$";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            small_integer(COLUMNS[0]).default(0).take(),
            big_integer(COLUMNS[1]).default(-2).take(),
            small_integer(COLUMNS[2]).default(0).take(),
            text(COLUMNS[3]).default("").take(),
        ];
        // SQLite adds one column per statement.
        for column in columns {
            manager.alter_table(Table::alter().table("chat").add_column(column).take()).await?;
        }
        fill(manager).await?;
        for index in former_indexes() {
            drop(manager, &index).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        if manager.get_database_backend() == DbBackend::Postgres {
            manager.get_connection().execute_unprepared(TRIGRAMS).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Postgres {
            // The extension is kept, since others may use it.
            manager.get_connection().execute_unprepared("DROP INDEX IF EXISTS chat_searchable").await?;
        }
        for index in indexes() {
            drop(manager, &index).await?;
        }
        for index in former_indexes() {
            manager.create_index(index).await?;
        }
        for column in COLUMNS.into_iter().rev() {
            manager.alter_table(Table::alter().table("chat").drop_column(column).take()).await?;
        }
        Ok(())
    }
}

async fn drop(manager: &SchemaManager<'_>, index: &IndexCreateStatement) -> Result<(), DbErr> {
    let name = index.get_index_spec().get_name().ok_or_else(|| DbErr::Custom("an index without a name".into()))?;
    manager.drop_index(Index::drop().name(name).table("chat").to_owned()).await
}

/// The indexes on `last_message_at`, which `activity` replaces.
fn former_indexes() -> [IndexCreateStatement; 2] {
    [
        of_organization("chat_recent_in_organization").col("last_message_at").col("id").take(),
        of_session("chat_recent_in_session").col("last_message_at").col("id").take(),
    ]
}

/// An index for each order and each subset of chats, per organization and per session.
fn indexes() -> Vec<IndexCreateStatement> {
    let recent = |mut index: IndexCreateStatement| index.col("activity").col("id").take();
    let inbox = |mut index: IndexCreateStatement| index.col("inbox_class").col("activity").col("id").take();
    let unread = || Expr::col("unread_count").gt(0).or(Expr::col("marked_unread"));
    vec![
        recent(of_organization("chat_by_activity_in_organization")),
        recent(of_session("chat_by_activity_in_session")),
        inbox(of_organization("chat_inbox_in_organization")),
        inbox(of_session("chat_inbox_in_session")),
        recent(of_organization("chat_pinned_in_organization")).and_where(Expr::col("pinned")).take(),
        recent(of_session("chat_pinned_in_session")).and_where(Expr::col("pinned")).take(),
        recent(of_organization("chat_archived_in_organization")).and_where(Expr::col("archived")).take(),
        recent(of_session("chat_archived_in_session")).and_where(Expr::col("archived")).take(),
        recent(of_organization("chat_unread_in_organization")).and_where(unread()).take(),
        recent(of_session("chat_unread_in_session")).and_where(unread()).take(),
    ]
}

fn of_organization(name: &str) -> IndexCreateStatement {
    Index::create().name(name).table("chat").col("organization").take()
}

fn of_session(name: &str) -> IndexCreateStatement {
    of_organization(name).col("session_id").take()
}

/// Fills the new columns of every chat, with the rules at the time of this migration.
async fn fill(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    let mut done: Vec<u8> = vec![];
    loop {
        let read = Query::select()
            .columns([
                "id",
                "jid",
                "subject",
                "contact_name",
                "push_name",
                "business_name",
                "pinned",
                "last_message_at",
            ])
            .from("chat")
            .and_where(Expr::col("id").gt(done))
            .order_by("id", Order::Asc)
            .limit(ROWS)
            .take();
        let rows = connection.query_all(&read).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        done = last.try_get("", "id")?;
        for row in &rows {
            let Listed { kind, activity, inbox_class, searchable } = Listed::of(row)?;
            let id: Vec<u8> = row.try_get("", "id")?;
            let write = Query::update()
                .table("chat")
                .values([
                    (COLUMNS[0], kind.into()),
                    (COLUMNS[1], activity.into()),
                    (COLUMNS[2], inbox_class.into()),
                    (COLUMNS[3], searchable.into()),
                ])
                .and_where(Expr::col("id").eq(id))
                .take();
            connection.execute(&write).await?;
        }
    }
}

struct Listed {
    kind: i16,
    activity: i64,
    inbox_class: i16,
    searchable: String,
}

impl Listed {
    fn of(row: &QueryResult) -> Result<Self, DbErr> {
        let jid: String = row.try_get("", "jid")?;
        let mut name: Option<String> = None;
        for column in ["subject", "contact_name", "push_name", "business_name"] {
            name = name.or(row.try_get("", column)?);
        }
        let last_message_at: Option<i64> = row.try_get("", "last_message_at")?;
        let activity = last_message_at.map_or(if name.is_some() { -1 } else { -2 }, |at| Ord::max(at, 0));
        let inbox_class = match activity {
            -2 => 0,
            -1 => 1,
            _ => 2 + i16::from(row.try_get::<bool>("", "pinned")?),
        };
        let (user, server) = jid.split_once('@').unwrap_or((&jid, ""));
        let kind = match server {
            "g.us" => 2,
            "newsletter" => 3,
            "broadcast" if user == "status" => 5,
            "broadcast" => 4,
            _ => 1,
        };
        let number = (server == "s.whatsapp.net").then(|| format!("+{user}"));
        let searchable = match (name, number) {
            (Some(name), Some(number)) if name != number => format!("{}\n{number}", fold(&name)),
            (name, number) => name.or(number).map(|text| fold(&text)).unwrap_or_default(),
        };
        Ok(Self { kind, activity, inbox_class, searchable })
    }
}

fn fold(text: &str) -> String {
    let cased = text.nfkc().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    cased.nfc().map(|char| if char.is_control() { ' ' } else { char }).collect()
}
