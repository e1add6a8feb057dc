//! Integrity check of a database: the file, its references, its tables, and rules that the database cannot enforce. All
//! of it is read in one transaction, so that a server can keep writing.

mod rules;

use std::collections::BTreeMap;

use chatgraph_entity::{chat, message, session};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbBackend, DbErr, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, QueryTrait as _, Statement,
};

use super::{
    connect::{self, Config, OpenError},
    message::{read_row, with_sender},
};

#[cfg(test)]
pub(super) use rules::RULES;
pub(crate) use rules::broken as broken_rules;

/// Rows per read.
const PAGE_LEN: u64 = 1_000;
/// Maximum number of reported problems of a kind.
const MAX_LISTED: usize = 10;

/// A check and its problems.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// Name of the check.
    pub name: &'static str,
    /// The problems, without content of messages or names; empty if there are none.
    pub problems: Vec<String>,
}

/// Checks the whole database, also while a server runs. Reads every row.
///
/// # Errors
/// [`OpenError`] if it cannot be read at all, including [`OpenError::Missing`], [`OpenError::Foreign`],
/// [`OpenError::Newer`] and [`OpenError::Outdated`].
pub async fn check(config: &Config) -> Result<Vec<CheckResult>, OpenError> {
    connect::require(config)?;
    let database = connect::checker(config).await?;
    if !connect::is_ours(&database).await? {
        return Err(match config {
            Config::Sqlite(path) => OpenError::Foreign(path.clone()),
            Config::Postgres(_) => OpenError::Outdated,
        });
    }
    let mut checked = Vec::new();
    if database.get_database_backend() == DbBackend::Sqlite {
        checked.push(CheckResult { name: "file", problems: file(&database).await? });
    }
    connect::is_up_to_date(&database).await?;
    let tx = connect::snapshot(&database).await?;
    checked.push(CheckResult { name: "rules", problems: broken_rules(&tx).await? });
    checked.push(CheckResult { name: "rows", problems: rows(&tx).await? });
    tx.commit().await?;
    database.close().await?;
    Ok(checked)
}

/// Returns SQLite's own findings about the file and its references.
pub(super) async fn file(database: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    let ask = |pragma: &str| Statement::from_string(DbBackend::Sqlite, pragma);
    let mut problems = Vec::new();
    for row in database.query_all_raw(ask(&format!("PRAGMA integrity_check({MAX_LISTED})"))).await? {
        let found: String = row.try_get_by_index(0)?;
        if found != "ok" {
            problems.push(found);
        }
    }
    let mut broken = BTreeMap::<String, u64>::new();
    for row in database.query_all_raw(ask("PRAGMA foreign_key_check")).await? {
        *broken.entry(row.try_get_by_index(0)?).or_default() += 1;
    }
    problems.extend(broken.iter().map(|(table, rows)| format!("{rows} rows of table {table} refer to missing rows")));
    Ok(problems)
}

/// Parses every session, chat and message as a server does, and compares the derived list columns with their current
/// values.
async fn rows(database: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    let mut problems = Vec::new();
    let mut found = |table: &str, id: &[u8], problem: String| {
        if problems.len() < MAX_LISTED {
            let id = id.iter().fold(String::new(), |written, byte| format!("{written}{byte:02x}"));
            problems.push(format!("table {table}, row {id}: {problem}"));
        }
    };
    for row in session::Entity::find().all(database).await? {
        let id = row.id.clone();
        if let Err(unreadable) = super::session::from_row(row) {
            found("session", &id, unreadable.to_string());
        }
    }
    let mut after = Vec::new();
    loop {
        let query = chat::Entity::find()
            .filter(chat::Column::Id.gt(after.clone()))
            .order_by_asc(chat::Column::Id)
            .limit(PAGE_LEN);
        let page = query.all(database).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.id);
        for row in page {
            match super::chat::from_row(row.clone()) {
                Err(unreadable) => found("chat", &row.id, unreadable.to_string()),
                Ok(chat) => {
                    let organization = row.organization.parse().map_err(|_| DbErr::Custom("no organization".into()))?;
                    let stored = super::chat::to_row(&organization, &chat);
                    let derived = |row: &chat::Model| {
                        (row.kind, row.activity, row.inbox_class, row.inbox_rank, row.searchable.clone())
                    };
                    if derived(&stored) != derived(&row) {
                        found("chat", &row.id, "its list columns do not match its other columns".into());
                    }
                }
            }
        }
    }
    let mut after: Vec<u8> = Vec::new();
    loop {
        let query = with_sender(message::Entity::find().filter(message::Column::Id.gt(after)));
        let query = query.order_by_asc(message::Column::Id).limit(PAGE_LEN).build(database.get_database_backend());
        let page = database.query_all_raw(query).await?;
        let Some(last) = page.last() else { break };
        after = last.try_get("", "id")?;
        for row in page {
            if let Err(unreadable) = read_row(&row) {
                found("message", &row.try_get::<Vec<u8>>("", "id")?, unreadable.to_string());
            }
        }
    }
    Ok(problems)
}
