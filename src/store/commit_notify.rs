//! Notification of commits between the processes on one PostgreSQL database. After a commit, a process publishes the
//! names of the organizations with new changes, and the others wake their subscribers. It is only a hint: the feed's
//! poll finds what is lost.
//!
//! `NOTIFY` takes a lock for which all commits of a server queue up, so it is never part of a write transaction.
//! Commits within [`DEBOUNCE`] share one notification.

use std::{convert::Infallible, io::ErrorKind, time::Duration};

use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, SqlxError, Statement,
    sqlx::{Executor as _, postgres::PgListener},
};
use tokio::time::timeout;
use tracing::warn;

use super::{Postgres, group_commit::notifier::CommitNotifier};
use crate::{backoff::Backoff, domain::id::OrganizationId};

/// The channel of all processes on the database.
const CHANNEL: &str = "chatgraph_change";
/// Time for which commits are collected into one notification.
const DEBOUNCE: Duration = Duration::from_millis(15);
/// Pauses after failures.
const FIRST_RETRY_DELAY: Duration = Duration::from_millis(500);
const MAX_RETRY_DELAY: Duration = Duration::from_secs(2);
/// Time without a notification after which the connection is checked, and time limit of the answer.
const IDLE_CHECK_INTERVAL: Duration = Duration::from_mins(1);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// PostgreSQL limits a payload to less than 8,000 bytes; an organization's id has at most 128.
const MAX_PAYLOAD_LEN: usize = 7_800;

/// Publishes local commits to the other processes, and their commits to this one. Never returns.
pub(super) async fn share(server: &Postgres, connection: &impl ConnectionTrait, commits: &CommitNotifier) {
    // Every process receives its own notifications, too; it recognises them by this name.
    let process = ulid::Ulid::generate().to_string();
    tokio::join!(publish(connection, &process, commits), subscribe(server, &process, commits));
}

async fn publish(connection: &impl ConnectionTrait, process: &str, commits: &CommitNotifier) -> Infallible {
    let mut pauses = Backoff::half_jitter(FIRST_RETRY_DELAY, MAX_RETRY_DELAY);
    loop {
        let mut whose = commits.to_tell.next().await;
        tokio::time::sleep(DEBOUNCE).await;
        whose.extend(commits.to_tell.take());
        for text in payloads(process, &whose) {
            match notify(connection, text).await {
                Ok(()) => pauses.reset(),
                Err(failed) => {
                    warn!(error = &failed as &dyn std::error::Error, "Notifying other processes of a commit failed");
                    pauses.wait().await;
                }
            }
        }
    }
}

async fn notify(connection: &impl ConnectionTrait, text: String) -> Result<(), DbErr> {
    let values = [CHANNEL.into(), text.into()];
    let notify = Statement::from_sql_and_values(DbBackend::Postgres, "SELECT pg_notify($1, $2)", values);
    connection.execute_raw(notify).await.map(drop)
}

async fn subscribe(server: &Postgres, process: &str, commits: &CommitNotifier) -> Infallible {
    let mut pauses = Backoff::half_jitter(FIRST_RETRY_DELAY, MAX_RETRY_DELAY);
    loop {
        let Err(failed) = listen(server, process, commits).await;
        warn!(
            error = &failed as &dyn std::error::Error,
            "Listening for commits of other processes failed; the feed falls back to polling"
        );
        pauses.wait().await;
    }
}

async fn listen(server: &Postgres, process: &str, commits: &CommitNotifier) -> Result<Infallible, SqlxError> {
    let mut listener = PgListener::connect_with(&server.listener()).await?;
    listener.listen(CHANNEL).await?;
    loop {
        if let Ok(word) = timeout(IDLE_CHECK_INTERVAL, listener.recv()).await {
            commits.add_of_others(&organizations(process, word?.payload()));
            continue;
        }
        // Nothing was committed, or the connection is dead.
        let answered = timeout(ANSWER_TIMEOUT, (&mut listener).execute("SELECT 1")).await;
        answered.unwrap_or_else(|_| Err(SqlxError::Io(ErrorKind::TimedOut.into())))?;
    }
}

/// Payloads with the process and organizations, one per line; as many as needed.
fn payloads(process: &str, whose: &[OrganizationId]) -> Vec<String> {
    let mut texts = Vec::new();
    for organization in whose {
        match texts.last_mut() {
            Some(text) if String::len(text) + organization.as_str().len() < MAX_PAYLOAD_LEN => {
                text.push('\n');
                text.push_str(organization.as_str());
            }
            _ => texts.push(format!("{process}\n{organization}")),
        }
    }
    texts
}

/// Parses a payload of [`payloads`]; empty for one of this process.
fn organizations(process: &str, text: &str) -> Vec<OrganizationId> {
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
    fn notifications_reach_other_processes_only() {
        let all: Vec<OrganizationId> =
            (0..200).map(|number| format!("{number:0>128}").parse().expect("an id")).collect();
        let told = payloads("one", &all);
        assert!(told.len() > 1 && told.iter().all(|text| text.len() < 8_000));
        assert_eq!(told.iter().flat_map(|text| organizations("two", text)).collect::<Vec<_>>(), all);
        assert!(told.iter().all(|text| organizations("one", text).is_empty()));
        assert!(payloads("one", &[]).is_empty());
    }
}
