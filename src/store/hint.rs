//! Word of commits among the processes on one PostgreSQL: after a commit a process tells whose changes are new, and the
//! others wake their listeners. Only a hint: what is lost on the way, the feed's poll finds.
//!
//! `NOTIFY` takes a lock that all commits of a server queue up for, so it never stands in a writing transaction, and what
//! is committed within [`GATHER`] goes out as one.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::time::Duration;

use sea_orm::ConnectionTrait;
use sea_orm::DbBackend;
use sea_orm::DbErr;
use sea_orm::SqlxError;
use sea_orm::Statement;
use sea_orm::sqlx::Executor as _;
use sea_orm::sqlx::postgres::PgListener;
use tokio::time::timeout;
use tracing::warn;

use crate::domain::id::OrganizationId;

use super::Postgres;
use super::journal::Commits;

/// What all processes on the database listen to.
const CHANNEL: &str = "chatgraph_change";
/// How long commits are gathered before they are told.
const GATHER: Duration = Duration::from_millis(15);
/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_secs(1);
/// How long nothing may be heard before the connection is tried, and how long its answer may take.
const QUIET: Duration = Duration::from_mins(1);
const ANSWER: Duration = Duration::from_secs(10);
/// PostgreSQL takes a text of less than 8,000 bytes; an organization's id has at most 128.
const LONGEST: usize = 7_800;

/// Tells the others of what is committed here, and tells here what is committed by the others. Never ends by itself.
pub(super) async fn share(server: &Postgres, connection: &impl ConnectionTrait, commits: &Commits) {
    // Its own words come back to every process; they are known by this name.
    let process = ulid::Ulid::generate().to_string();
    tokio::join!(tell(connection, &process, commits), hear(server, &process, commits));
}

async fn tell(connection: &impl ConnectionTrait, process: &str, commits: &Commits) -> Infallible {
    loop {
        let mut whose = commits.to_tell.next().await;
        tokio::time::sleep(GATHER).await;
        whose.extend(commits.to_tell.take());
        for text in texts(process, &whose) {
            if let Err(failed) = notify(connection, text).await {
                warn!(error = &failed as &dyn std::error::Error, "Notifying other processes of a commit failed");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn notify(connection: &impl ConnectionTrait, text: String) -> Result<(), DbErr> {
    let values = [CHANNEL.into(), text.into()];
    let notify = Statement::from_sql_and_values(DbBackend::Postgres, "SELECT pg_notify($1, $2)", values);
    connection.execute_raw(notify).await.map(drop)
}

async fn hear(server: &Postgres, process: &str, commits: &Commits) -> Infallible {
    loop {
        let Err(failed) = listen(server, process, commits).await;
        warn!(
            error = &failed as &dyn std::error::Error,
            "Listening for commits of other processes failed; the feed falls back to polling"
        );
        tokio::time::sleep(PAUSE).await;
    }
}

async fn listen(server: &Postgres, process: &str, commits: &Commits) -> Result<Infallible, SqlxError> {
    let mut listener = PgListener::connect_with(&server.listener()).await?;
    listener.listen(CHANNEL).await?;
    loop {
        if let Ok(word) = timeout(QUIET, listener.recv()).await {
            commits.to_hear.add(&whose(process, word?.payload()));
            continue;
        }
        // Nothing was committed, or the connection is dead without a word.
        let answered = timeout(ANSWER, (&mut listener).execute("SELECT 1")).await;
        answered.unwrap_or_else(|_| Err(SqlxError::Io(ErrorKind::TimedOut.into())))?;
    }
}

/// The process and organizations, a line each; as many texts as it takes.
fn texts(process: &str, whose: &[OrganizationId]) -> Vec<String> {
    let mut texts = Vec::new();
    for organization in whose {
        match texts.last_mut() {
            Some(text) if String::len(text) + organization.as_str().len() < LONGEST => {
                text.push('\n');
                text.push_str(organization.as_str());
            }
            _ => texts.push(format!("{process}\n{organization}")),
        }
    }
    texts
}

/// Reads what [`texts`] wrote; nothing in what this process wrote itself.
fn whose(process: &str, text: &str) -> Vec<OrganizationId> {
    let mut lines = text.lines();
    if lines.next() == Some(process) {
        return Vec::new();
    }
    lines.filter_map(|organization| organization.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_process_tells_another_one_reads_and_itself_does_not() {
        let all: Vec<OrganizationId> =
            (0..200).map(|number| format!("{number:0>128}").parse().expect("an id")).collect();
        let told = texts("one", &all);
        assert!(told.len() > 1 && told.iter().all(|text| text.len() < 8_000));
        assert_eq!(told.iter().flat_map(|text| whose("two", text)).collect::<Vec<_>>(), all);
        assert!(told.iter().all(|text| whose("one", text).is_empty()));
        assert!(texts("one", &[]).is_empty());
    }
}
