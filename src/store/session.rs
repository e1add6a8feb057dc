//! Sessions.

use chatgraph_entity::session;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, ConnectionTrait as _, DbBackend, EntityTrait as _,
    IntoActiveModel as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, QueryTrait as _,
    Select,
};
use tracing::error;

use super::{
    Store,
    connect::{Row, model},
    enum_code::DbEnum as _,
    error::StoreError,
    keyset::{self, Keyset},
    organization, sanitize,
    unit_of_work::UnitOfWork,
};
use crate::domain::{
    cursor::TimeKey,
    id::{OrganizationId, SessionId},
    page::{Page, PageRequest},
    session::{HistoryImport, Session, SessionStatus, StatusCode, StatusReason},
};

/// Status of a deleted session that still has chats to purge.
const REMOVED: i16 = 100;

impl Store {
    /// Returns a page of sessions, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sessions(
        &self,
        organization: &OrganizationId,
        page: &PageRequest<TimeKey>,
    ) -> Result<Page<Session>, StoreError> {
        let lists = [(listed(self.readers.get_database_backend(), organization), *page)];
        let mut pages = keyset::read(&self.reader(organization), &lists, read_row, Session::key).await?;
        Ok(pages.remove(0))
    }

    /// Returns all sessions of the organization, newest first, for subscriptions.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn all_sessions(&self, organization: &OrganizationId) -> Result<Vec<Session>, StoreError> {
        let query = session::Entity::find()
            .filter(owned_by(organization))
            .order_by_desc(session::Column::CreatedAt)
            .order_by_desc(session::Column::Id);
        query.all(&self.reader(organization)).await?.into_iter().map(legible).collect()
    }

    /// Returns whether any organization has the session. For the operator only.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_session(&self, id: SessionId) -> Result<bool, StoreError> {
        let found = session::Entity::find_by_id(id.to_bytes())
            .filter(session::Column::Organization.ne(OrganizationId::trash().as_str()))
            .count(&self.readers)
            .await?;
        Ok(found > 0)
    }

    /// Returns checksums of the organization's sessions, which detect changes by another process.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn session_sums(&self, organization: &OrganizationId) -> Result<SessionSums, StoreError> {
        let sums = session::Entity::find()
            .filter(owned_by(organization))
            .select_only()
            .column_as(session::Column::Id.count(), "sessions")
            .column_as(session::Column::Status.sum(), "statuses")
            .column_as(session::Column::ImportMessages.sum(), "messages")
            .column_as(session::Column::ImportQuarantined.sum(), "quarantined");
        let sums = sums.into_tuple().one(&self.reader(organization)).await?;
        Ok(SessionSums(sums.unwrap_or_default()))
    }

    /// Returns up to `limit` sessions, to distinguish no session, one and several.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn some_sessions(&self, organization: &OrganizationId, limit: u64) -> Result<Vec<SessionId>, StoreError> {
        let rows =
            session::Entity::find().filter(owned_by(organization)).limit(limit).all(&self.reader(organization)).await?;
        rows.into_iter().map(|row| Ok(legible(row)?.id)).collect()
    }

    /// Sessions by their ids; unknown and deleted ones are missing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sessions_by_ids(
        &self,
        organization: &OrganizationId,
        ids: &[SessionId],
    ) -> Result<Vec<Session>, StoreError> {
        let found = self.sessions_of_chats(organization, ids).await?;
        Ok(found.into_iter().filter(|session| !session.removed).collect())
    }

    /// As [`Store::sessions_by_ids`], with deleted ones that still have chats.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sessions_of_chats(
        &self,
        organization: &OrganizationId,
        ids: &[SessionId],
    ) -> Result<Vec<Session>, StoreError> {
        let reader = self.reader(organization);
        reader.rows(with_ids(organization, ids).build(reader.get_database_backend()), read_row).await
    }

    /// Deleted sessions of all organizations that still have chats: read once, at start.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn removed_sessions(&self) -> Result<Vec<(OrganizationId, SessionId)>, StoreError> {
        let removed = session::Entity::find()
            .filter(session::Column::Status.eq(REMOVED))
            .filter(session::Column::Organization.ne(OrganizationId::trash().as_str()));
        let rows = removed.all(&self.readers).await?.into_iter().map(legible);
        rows.map(|session| session.map(|session| (session.organization, session.id))).collect()
    }

    /// The sessions that this server has to keep connected, of all organizations: read once, at start. A row that cannot
    /// be read is logged and counted; the others are not affected.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn wanted_sessions(&self) -> Result<WantedSessions, StoreError> {
        let rows = session::Entity::find()
            .filter(session::Column::Wanted.eq(true))
            // Deleted sessions wait for the sweeper.
            .filter(session::Column::Organization.ne(OrganizationId::trash().as_str()))
            .all(&self.readers)
            .await?;
        let mut wanted = WantedSessions::default();
        for row in rows {
            let id = row.id.clone();
            match from_row(row) {
                Ok(session) => wanted.sessions.push(session),
                Err(unreadable) => {
                    let id = SessionId::from_bytes(&id).map_or_else(|_| format!("{id:02x?}"), |id| id.to_string());
                    error!(error = &unreadable as &dyn std::error::Error, session.id = id, "Session not started");
                    wanted.unreadable += 1;
                }
            }
        }
        Ok(wanted)
    }
}

/// Checksums: the number of an organization's sessions, and sums over their states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSums((i64, Option<i64>, Option<i64>, Option<i64>));

/// Sessions that a server must keep connected.
#[derive(Debug, Default)]
pub struct WantedSessions {
    /// The readable ones.
    pub sessions: Vec<Session>,
    /// Number of unreadable rows.
    pub unreadable: u64,
}

impl UnitOfWork<'_> {
    /// Returns the session, locked until the commit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn session_for_update(&mut self, id: SessionId) -> Result<Option<Session>, StoreError> {
        if let Some(known) = self.cached(|cache| cache.session(id)).await? {
            return Ok(known);
        }
        let query = session::Entity::find_by_id(id.to_bytes()).filter(owned_by(self.organization)).lock_exclusive();
        query.one(self.tx).await?.map(from_row).transpose()
    }

    /// Counts the organization's sessions.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_sessions(&mut self) -> Result<u64, StoreError> {
        Ok(session::Entity::find().filter(owned_by(self.organization)).count(self.tx).await?)
    }

    /// Stores a new session, and creates the organization with its first one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_session(&mut self, session: &Session) -> Result<(), StoreError> {
        self.ensure_organization().await?;
        session::Entity::insert(to_row(session).into_active_model()).exec_without_returning(self.tx).await?;
        Ok(())
    }

    /// Saves a changed session.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn save_session(&mut self, session: &Session) -> Result<(), StoreError> {
        self.flush().await?;
        let row = to_row(session).into_active_model().reset_all();
        session::Entity::update(row).validate()?.filter(owned_by(&session.organization)).exec(self.tx).await?;
        Ok(())
    }
}

/// Query for the organization's sessions; `store::tests::plans` checks its plan.
pub(super) fn listed(backend: DbBackend, organization: &OrganizationId) -> Keyset<session::Entity, TimeKey> {
    let rows = session::Entity::find().filter(owned_by(organization));
    Keyset { rows, key: vec![session::Column::CreatedAt, session::Column::Id], above: None, below: None, backend }
}

/// Query for the organization's sessions with these ids.
pub(super) fn with_ids(organization: &OrganizationId, ids: &[SessionId]) -> Select<session::Entity> {
    let owned = organization::owns(&session::Column::Organization, organization);
    session::Entity::find().filter(owned).filter(session::Column::Id.is_in(ids.iter().map(|id| id.to_bytes())))
}

/// Query for the id of a session if it belongs to the organization, also if it is deleted.
pub(super) fn owned(organization: &OrganizationId, id: SessionId) -> Select<session::Entity> {
    with_ids(organization, &[id]).select_only().column(session::Column::Id)
}

/// Condition for one session of the organization, unless it is deleted.
pub(super) fn is_present(organization: &OrganizationId, id: SessionId) -> Condition {
    owned_by(organization).add(session::Column::Id.eq(id.to_bytes()))
}

/// The organization's sessions, without deleted ones.
fn owned_by(organization: &OrganizationId) -> Condition {
    Condition::all()
        .add(session::Column::Organization.eq(organization.as_str()))
        .add(session::Column::Status.ne(REMOVED))
}

fn to_row(session: &Session) -> session::Model {
    let import = session.history_import;
    let (chats, messages) = import.map_or((0, 0), |import| (import.chats, import.messages));
    session::Model {
        id: session.id.to_bytes(),
        organization: session.organization.to_string(),
        label: sanitize::strip_nul_if_any(session.label.as_ref()),
        status: if session.removed { REMOVED } else { session.status.code() },
        status_reason: sanitize::strip_nul_if_any(session.status_reason.as_ref().map(|reason| &reason.words)),
        status_code: session.status_reason.as_ref().map(|reason| reason.code.code()),
        banned_until: session.status_reason.as_ref().and_then(|reason| reason.banned_until),
        wanted: session.wanted,
        jid: session.jid.as_ref().map(ToString::to_string),
        lid: session.lid.as_ref().map(ToString::to_string),
        created_at: session.created_at,
        last_connected_at: session.last_connected_at,
        paired_at: session.paired_at,
        call_auto_reply: sanitize::strip_nul_if_any(session.call_auto_reply.as_ref()),
        import_percent: import.map(|import| i16::from(import.percent)),
        import_chats: i32::try_from(chats).unwrap_or(i32::MAX),
        import_messages: i32::try_from(messages).unwrap_or(i32::MAX),
        import_incomplete: import.is_some_and(|import| import.incomplete),
        import_quarantined: import.map_or(0, |import| i32::try_from(import.quarantined).unwrap_or(i32::MAX)),
    }
}

fn read_row(row: &Row<'_>) -> Result<Session, StoreError> {
    legible(model!(row, session, id organization label status status_reason status_code banned_until wanted jid
        lid created_at last_connected_at call_auto_reply import_percent import_chats import_messages import_incomplete
        import_quarantined paired_at))
}

/// Parses a row that must be intact.
pub(super) fn from_row(row: session::Model) -> Result<Session, StoreError> {
    let session = legible(row)?;
    match session.damaged {
        Some(column) => Err(StoreError::Corrupt { table: "session", column }),
        None => Ok(session),
    }
}

/// Parses a row as far as possible: with an unreadable column the session has failed.
fn legible(row: session::Model) -> Result<Session, StoreError> {
    let corrupt = |column| StoreError::Corrupt { table: "session", column };
    let mut damaged = None;
    let removed = row.status == REMOVED;
    let status = if removed { SessionStatus::LoggedOut.code() } else { row.status };
    let status = SessionStatus::from_code(status, "session", "status").unwrap_or_else(|_| {
        damaged = Some("status");
        SessionStatus::Failed
    });
    let code = |code| StatusCode::from_code(code, "session", "status_code").unwrap_or(StatusCode::Other);
    let status_reason = row.status_reason.map(|words| StatusReason {
        code: row.status_code.map_or(StatusCode::Other, code),
        words,
        banned_until: row.banned_until,
    });
    let mut address =
        |text: Option<String>, column| text.and_then(|text| text.parse().map_err(|_| damaged = Some(column)).ok());
    let (jid, lid) = (address(row.jid, "jid"), address(row.lid, "lid"));
    let mut count = |count: i32, column| u32::try_from(count).map_err(|_| damaged = Some(column)).unwrap_or(0);
    let (chats, messages) = (count(row.import_chats, "import_chats"), count(row.import_messages, "import_messages"));
    let quarantined = count(row.import_quarantined, "import_quarantined");
    let incomplete = row.import_incomplete;
    let history_import = row.import_percent.map(|percent| {
        let percent = u8::try_from(percent).map_err(|_| damaged = Some("import_percent")).unwrap_or(0);
        HistoryImport { percent, chats, messages, incomplete, quarantined }
    });
    let mut session = Session {
        id: SessionId::from_bytes(&row.id).map_err(|_| corrupt("id"))?,
        organization: row.organization.parse().map_err(|_| corrupt("organization"))?,
        label: row.label,
        status,
        status_reason,
        wanted: row.wanted,
        jid,
        lid,
        created_at: row.created_at,
        last_connected_at: row.last_connected_at,
        paired_at: row.paired_at,
        call_auto_reply: row.call_auto_reply,
        history_import,
        damaged,
        removed,
    };
    if let Some(column) = damaged {
        session.status = SessionStatus::Failed;
        let words =
            format!("the database is damaged: session.{column} of this session cannot be read; restore a backup");
        session.status_reason = Some(StatusReason::new(StatusCode::DatabaseDamaged, words));
    }
    Ok(session)
}
