//! SQL of the baseline: only the statements that the answers need.

use std::{
    error::Error,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use chatgraph::domain::id::{ChatId, SessionId};
use rusqlite::{Connection, params};
use tokio::task::block_in_place;
use tokio_postgres::{Client, NoTls, Statement};

use crate::data::ORGANIZATION;

const COLUMNS: &str =
    "id, jid, contact_name, archived, pinned, muted_until, unread_count, marked_unread, last_message_at";
const PAGE: &str = "FROM chat WHERE organization = $1 AND session_id = $2 AND activity >= 0 \
    ORDER BY activity DESC, id DESC LIMIT 51";
const CHAT: &str = "FROM chat WHERE organization = $1 AND id = (SELECT peer.chat_id FROM peer_address \
    JOIN peer ON peer.id = peer_address.peer_id WHERE peer_address.session_id = $2 AND peer_address.jid = $3 \
    AND peer_address.organization = $1 ORDER BY from_at DESC LIMIT 1)";
const UPDATE: &str = "UPDATE chat SET archived = $4, archived_as_of = $5, pending = pending | 8 \
    WHERE organization = $1 AND id = (SELECT peer.chat_id FROM peer_address \
    JOIN peer ON peer.id = peer_address.peer_id WHERE peer_address.session_id = $2 AND peer_address.jid = $3 \
    AND peer_address.organization = $1 ORDER BY from_at DESC LIMIT 1) RETURNING";
const NOTE: &str = "INSERT INTO pending_action (session_id, chat_id, setting, organization, version, desired, base, \
    requested_at) VALUES ($1, $2, 4, $3, $4, $5, 0, $4) ON CONFLICT (session_id, chat_id, setting) \
    DO UPDATE SET version = excluded.version, desired = excluded.desired, requested_at = excluded.requested_at";
const NUMBER: &str = "UPDATE organization SET last_change = last_change + 1 WHERE id = $1 RETURNING last_change";
const CHANGE: &str = "INSERT INTO change (organization, number, at, kind, origin, session_id, chat_id, cid, changed, \
    archived, pinned, marked_unread, unread_count, pending) VALUES ($1, $2, $3, 2, 1, $4, $5, $6, 520, $7, false, false, 0, 8)";
/// Number of reading connections, as in chatgraph; on PostgreSQL of all connections.
const READERS: usize = 4;
const POSTGRES: usize = 8;

type Failed = Box<dyn Error + Send + Sync>;

/// A chat as shown in an answer.
pub struct Row {
    /// Public id.
    pub id: String,
    /// JID.
    pub jid: String,
    /// Name, if known.
    pub name: Option<String>,
    /// True if the chat is archived.
    pub archived: bool,
    /// True if the chat is pinned.
    pub pinned: bool,
    /// End of the mute.
    pub muted_until: Option<i64>,
    /// Number of unread messages.
    pub unread_count: i64,
    /// True if the chat is marked as unread.
    pub marked_unread: bool,
    /// Time of the latest activity.
    pub last_message_at: Option<i64>,
}

/// Database access with handwritten SQL.
pub enum Floor {
    /// Several connections for reads, one for writes.
    Sqlite {
        /// Connections for reads.
        readers: Vec<Mutex<Connection>>,
        /// Connection for writes.
        writer: Mutex<Connection>,
        /// Counter that selects the next connection.
        turn: AtomicUsize,
    },
    /// Several connections.
    Postgres {
        /// Connections with their prepared statements.
        clients: Vec<tokio::sync::Mutex<Prepared>>,
        /// Counter that selects the next connection.
        turn: AtomicUsize,
    },
}

/// A connection to PostgreSQL and its prepared statements.
pub struct Prepared {
    client: Client,
    page: Statement,
    chat: Statement,
    update: Statement,
    note: Statement,
    number: Statement,
    change: Statement,
}

impl Floor {
    /// Opens a database created by chatgraph.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub async fn open(url: &str) -> Result<Self, Failed> {
        let turn = AtomicUsize::new(0);
        if let Some(path) = url.strip_prefix("sqlite:") {
            let open = || {
                let connection = Connection::open(path)?;
                connection.execute_batch(
                    "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 10000",
                )?;
                Ok::<_, rusqlite::Error>(Mutex::new(connection))
            };
            let readers = (0..READERS).map(|_| open()).collect::<Result<_, _>>()?;
            return Ok(Self::Sqlite { readers, writer: open()?, turn });
        }
        let mut clients = Vec::new();
        for _ in 0..POSTGRES {
            let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
            spawn(connection);
            clients.push(tokio::sync::Mutex::new(Prepared {
                page: client.prepare(&format!("SELECT {COLUMNS} {PAGE}")).await?,
                chat: client.prepare(&format!("SELECT {COLUMNS} {CHAT}")).await?,
                update: client.prepare(&format!("{UPDATE} {COLUMNS}")).await?,
                note: client.prepare(NOTE).await?,
                number: client.prepare(NUMBER).await?,
                change: client.prepare(CHANGE).await?,
                client,
            }));
        }
        Ok(Self::Postgres { clients, turn })
    }

    /// Returns the first page of a session's chats, and one more row.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn page(&self, session: &str) -> Result<Vec<Row>, Failed> {
        let session = session.parse::<SessionId>()?.to_bytes();
        match self {
            Self::Sqlite { readers, turn, .. } => block_in_place(|| {
                let connection = next(readers, turn);
                let mut query = connection.prepare_cached(&format!("SELECT {COLUMNS} {PAGE}"))?;
                let rows = query.query_map(params![ORGANIZATION, session], |row| Ok(from_sqlite(row)))?;
                rows.map(|row| row?).collect::<Result<_, _>>().map_err(Into::into)
            }),
            Self::Postgres { clients, turn } => {
                let client = turn_of(clients, turn).lock().await;
                let rows = client.client.query(&client.page, &[&ORGANIZATION, &session]).await?;
                rows.iter().map(from_postgres).collect()
            }
        }
    }

    /// Returns one chat.
    ///
    /// # Errors
    /// If the database fails or the chat does not exist.
    pub async fn chat(&self, session: &str, jid: &str) -> Result<Row, Failed> {
        let session = session.parse::<SessionId>()?.to_bytes();
        match self {
            Self::Sqlite { readers, turn, .. } => block_in_place(|| {
                let connection = next(readers, turn);
                let mut query = connection.prepare_cached(&format!("SELECT {COLUMNS} {CHAT}"))?;
                Ok(query.query_row(params![ORGANIZATION, session, jid], |row| Ok(from_sqlite(row)))??)
            }),
            Self::Postgres { clients, turn } => {
                let client = turn_of(clients, turn).lock().await;
                from_postgres(&client.client.query_one(&client.chat, &[&ORGANIZATION, &session, &jid]).await?)
            }
        }
    }

    /// Archives or unarchives a chat, with the change and the pending action.
    ///
    /// # Errors
    /// If the database fails or the chat does not exist.
    pub async fn archive(&self, session: &str, jid: &str, archived: bool) -> Result<Row, Failed> {
        let session = session.parse::<SessionId>()?.to_bytes();
        let at = now();
        match self {
            Self::Sqlite { writer, .. } => block_in_place(|| {
                let mut writer = locked(writer);
                let tx = writer.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
                // In SQLite, `$4` is numbered by its first position, `?4` by its number.
                let row = tx
                    .prepare_cached(&format!("{UPDATE} {COLUMNS}").replace('$', "?"))?
                    .query_row(params![ORGANIZATION, session, jid, archived, at], |row| Ok(from_sqlite(row)))??;
                let chat = row.id.parse::<ChatId>()?.to_bytes();
                tx.prepare_cached(NOTE)?.execute(params![session, chat, ORGANIZATION, at, i64::from(archived)])?;
                let number: i64 = tx.prepare_cached(NUMBER)?.query_row(params![ORGANIZATION], |row| row.get(0))?;
                let change = params![ORGANIZATION, number, at, session, chat, jid, archived];
                tx.prepare_cached(CHANGE)?.execute(change)?;
                tx.commit()?;
                Ok(row)
            }),
            Self::Postgres { clients, turn } => {
                let mut guard = turn_of(clients, turn).lock().await;
                let Prepared { client, update, note, number, change, .. } = &mut *guard;
                let tx = client.transaction().await?;
                let row =
                    from_postgres(&tx.query_one(&*update, &[&ORGANIZATION, &session, &jid, &archived, &at]).await?)?;
                let chat = row.id.parse::<ChatId>()?.to_bytes();
                tx.execute(&*note, &[&session, &chat, &ORGANIZATION, &at, &i64::from(archived)]).await?;
                let number: i64 = tx.query_one(&*number, &[&ORGANIZATION]).await?.get(0);
                tx.execute(&*change, &[&ORGANIZATION, &number, &at, &session, &chat, &jid, &archived]).await?;
                tx.commit().await?;
                Ok(row)
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a measurement does not track tasks; they end with the process")]
fn spawn(connection: impl Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static) {
    tokio::spawn(connection);
}

#[expect(clippy::disallowed_methods, reason = "a measurement does not use the domain's clock")]
fn now() -> i64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

fn next<'c>(connections: &'c [Mutex<Connection>], turn: &AtomicUsize) -> MutexGuard<'c, Connection> {
    locked(turn_of(connections, turn))
}

fn turn_of<'c, T>(all: &'c [T], turn: &AtomicUsize) -> &'c T {
    &all[turn.fetch_add(1, Ordering::Relaxed) % all.len()]
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn from_sqlite(row: &rusqlite::Row<'_>) -> Result<Row, rusqlite::Error> {
    let id: Vec<u8> = row.get(0)?;
    Ok(Row {
        id: ChatId::from_bytes(&id).map_err(|_| rusqlite::Error::InvalidQuery)?.to_string(),
        jid: row.get(1)?,
        name: row.get(2)?,
        archived: row.get(3)?,
        pinned: row.get(4)?,
        muted_until: row.get(5)?,
        unread_count: row.get(6)?,
        marked_unread: row.get(7)?,
        last_message_at: row.get(8)?,
    })
}

fn from_postgres(row: &tokio_postgres::Row) -> Result<Row, Failed> {
    let id: &[u8] = row.try_get(0)?;
    Ok(Row {
        id: ChatId::from_bytes(id)?.to_string(),
        jid: row.try_get(1)?,
        name: row.try_get(2)?,
        archived: row.try_get(3)?,
        pinned: row.try_get(4)?,
        muted_until: row.try_get(5)?,
        unread_count: i64::from(row.try_get::<_, i32>(6)?),
        marked_unread: row.try_get(7)?,
        last_message_at: row.try_get(8)?,
    })
}
