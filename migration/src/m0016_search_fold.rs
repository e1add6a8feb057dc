//! Adds the version and the progress of folding search texts. The server folds them, since the rules are part of it.

use sea_orm_migration::{
    prelude::*,
    schema::{binary_null, integer, small_integer},
    sea_orm::QueryResult,
};
use unicode_normalization::UnicodeNormalization as _;

/// Migration 16.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Number of rows that are read at once.
const ROWS: u64 = 1_000;
/// A chat's names, the displayed one first.
const NAMES: [&str; 4] = ["subject", "contact_name", "push_name", "business_name"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("search_fold")
            .col(small_integer("id").primary_key())
            .col(integer("version"))
            .col(binary_null("refolded_to"))
            .check(Expr::col("id").eq(1))
            .to_owned();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("search_fold").to_owned()).await?;
        fold_as_before(manager).await
    }
}

/// Folds every chat as versions before this migration did; otherwise they would not find names with accents.
async fn fold_as_before(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    let mut done: Vec<u8> = vec![];
    loop {
        let read = Query::select()
            .columns(["id", "jid"])
            .columns(NAMES)
            .from("chat")
            .and_where(Expr::col("id").gt(done))
            .order_by("id", Order::Asc)
            .limit(ROWS)
            .take();
        let rows = connection.query_all(&read).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        done = last.try_get("", "id")?;
        for row in &rows {
            let id: Vec<u8> = row.try_get("", "id")?;
            let write = Query::update()
                .table("chat")
                .value("searchable", searchable(row)?)
                .and_where(Expr::col("id").eq(id))
                .take();
            connection.execute(&write).await?;
        }
    }
}

fn searchable(row: &QueryResult) -> Result<String, DbErr> {
    let jid: String = row.try_get("", "jid")?;
    let mut name: Option<String> = None;
    for column in NAMES {
        name = name.or(row.try_get("", column)?);
    }
    let number = jid.strip_suffix("@s.whatsapp.net").map(|user| format!("+{user}"));
    Ok(match (name, number) {
        (Some(name), Some(number)) if name != number => format!("{}\n{number}", fold(&name)),
        (name, number) => name.or(number).map(|text| fold(&text)).unwrap_or_default(),
    })
}

fn fold(text: &str) -> String {
    let cased = text.nfkc().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    cased.nfc().map(|char| if char.is_control() { ' ' } else { char }).collect()
}
