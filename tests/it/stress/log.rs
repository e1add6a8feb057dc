//! The change log in the database.

use chatgraph::domain::change::{ChatField, ChatFields};
use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection, DbBackend, Statement};
use serde_json::Value;

use crate::support::TestDatabase;

/// The fields of a change that both an event and the table have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    at: i64,
    cid: String,
    origin: String,
}

impl Entry {
    /// Reads an event's change; `None` if the event is a checkpoint.
    pub(super) fn from_change(change: &Value) -> Option<Self> {
        let text = |field: &str| change[field].as_str().map(str::to_owned);
        Some(Self { at: change["at"].as_i64()?, cid: text("cid")?, origin: text("origin")? })
    }
}

/// All rows of the log.
pub(super) struct Log(Vec<Row>);

struct Row {
    number: i64,
    entry: Entry,
    changed: ChatFields,
    muted_until: Option<i64>,
}

impl Log {
    /// Reads the log of the only organization, while the server runs.
    pub(super) async fn read(database: &TestDatabase) -> Self {
        let connection = connect(database).await;
        let select = "SELECT number, at, cid, origin, changed, muted_until FROM change ORDER BY organization, number";
        let select = Statement::from_string(connection.get_database_backend(), select);
        let rows = connection.query_all_raw(select).await.expect("the log");
        let rows = rows.iter().map(|row| {
            let origin: i16 = row.try_get("", "origin").expect("an origin");
            let origins = ["", "API", "DEVICE", "MESSAGE", "IMPORT", "REVERT", "EXPIRED"];
            let entry = Entry {
                at: row.try_get("", "at").expect("a time"),
                cid: row.try_get("", "cid").expect("a chat"),
                origin: origins[usize::try_from(origin).expect("small")].to_owned(),
            };
            Row {
                number: row.try_get("", "number").expect("a number"),
                entry,
                changed: ChatFields::from_repr_truncated(
                    row.try_get::<i32>("", "changed").expect("bits").cast_unsigned(),
                ),
                muted_until: row.try_get("", "muted_until").expect("a mute or NULL"),
            }
        });
        let log = Self(rows.collect());
        connection.close().await.expect("closed");
        log
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the entries after the first `count`.
    pub(super) fn after(&self, count: usize) -> Vec<Entry> {
        self.0[count..].iter().map(|row| row.entry.clone()).collect()
    }

    /// Asserts that the rows are numbered from 1, each number once.
    pub(super) fn has_no_gap(&self) {
        let numbers: Vec<_> = self.0.iter().map(|row| row.number).collect();
        assert!(numbers.iter().copied().eq(1..=i64::try_from(numbers.len()).expect("few")), "{numbers:?}");
    }

    /// Returns the number of changes through the API that set this mute.
    pub(super) fn mutes_until(&self, until: i64) -> usize {
        let sets = |row: &&Row| {
            row.entry.origin == "API" && row.changed.contains(ChatField::MutedUntil) && row.muted_until == Some(until)
        };
        self.0.iter().filter(sets).count()
    }
}

async fn connect(database: &TestDatabase) -> DatabaseConnection {
    Database::connect(database.url()).await.expect("a connection")
}

/// Runs SQLite's integrity check; PostgreSQL runs its recovery at startup.
pub(super) async fn is_sound(database: &TestDatabase) {
    let connection = connect(database).await;
    if connection.get_database_backend() == DbBackend::Sqlite {
        let check = Statement::from_string(DbBackend::Sqlite, "PRAGMA integrity_check");
        let found = connection.query_one_raw(check).await.expect("a check").expect("a row");
        assert_eq!(found.try_get::<String>("", "integrity_check").expect("text"), "ok");
    }
    connection.close().await.expect("closed");
}
