//! Creation of sessions.

use tracing::instrument;

use super::{SessionUpdate, Sessions, lifecycle};
use crate::{
    auth::viewer::Viewer,
    domain::{
        capability::Capability,
        id::SessionId,
        idempotency::{IdempotencyKey, Operation},
        session::Session,
    },
    service::{
        audit,
        error::{ConflictReason, Error},
        idempotency::{idempotency_key, reused},
    },
    session::SessionKey,
    store::{KeyUse, UnitOfWork},
};

impl Sessions {
    /// Creates a stopped session. If the idempotency key was used before with the same input, returns the session that
    /// was created then.
    ///
    /// # Errors
    /// `Forbidden` without `manage`, `Invalid` for a label over 100 characters, `Store`. `Conflict` if the limit is
    /// reached, or if the idempotency key was used with a different input or for a session that was deleted.
    #[instrument(name = "sessions.create", level = "debug", skip_all)]
    pub async fn create(
        &self,
        viewer: &Viewer,
        label: Option<String>,
        idempotency_key: Option<&str>,
    ) -> Result<Session, Error> {
        let organization = viewer.require(Capability::Manage)?.clone();
        let update = SessionUpdate { label, ..SessionUpdate::default() };
        update.check()?;
        let created_at = self.clock.now();
        let label = update.label.and_then(lifecycle::non_empty);
        let input = label.as_deref().unwrap_or_default().to_owned();
        let under =
            idempotency_key.map(|key| self::idempotency_key(Operation::CreateSession, key, &[&input])).transpose()?;
        let session = Session::new(SessionId::new(created_at), organization.clone(), label, created_at);
        let most = self.most;
        let made: Result<Session, Error> = self
            .store
            .write(&organization, move |unit| Box::pin(async move { make(unit, session, under.as_ref(), most).await }))
            .await;
        let session = made?;
        self.broadcast.publish(&SessionKey { organization, session: session.id });
        audit::record(viewer, "session.create", session.id);
        Ok(session)
    }
}

/// Stores a new session, unless the key was used for another one or the limit is reached.
async fn make(
    unit: &mut UnitOfWork<'_>,
    session: Session,
    under: Option<&IdempotencyKey>,
    most: u64,
) -> Result<Session, Error> {
    let id = session.id.to_bytes();
    let known = match under {
        Some(key) => unit.use_idempotency_key(key, id).await?,
        None => KeyUse::First,
    };
    match known {
        KeyUse::First if unit.count_sessions().await? >= most => Err(too_many(most)),
        KeyUse::First => {
            unit.insert_session(&session).await?;
            Ok(session)
        }
        KeyUse::Again(id) => {
            let gone = || reused("its session has been deleted");
            let id = SessionId::from_bytes(&id).map_err(|_| gone())?;
            unit.session_for_update(id).await?.ok_or_else(gone)
        }
        KeyUse::Other => Err(reused("the input differs")),
    }
}

fn too_many(most: u64) -> Error {
    let advice = "delete one, or ask the operator to raise --max-sessions-per-organization";
    let message = format!("the organization has reached its limit of {most} sessions: {advice}");
    Error::too_many(ConflictReason::TooManySessions, usize::try_from(most).unwrap_or(usize::MAX), message)
}
