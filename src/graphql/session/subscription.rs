//! Session subscriptions.

use async_graphql::{Context, ID, SimpleObject, Subscription};
use futures_util::{Stream, stream};

use super::object::Session;
use crate::{
    domain::capability::Capability,
    graphql::{
        backpressure::AnswerPacer,
        capability::requires,
        context::{ContextExt as _, session_id},
        error::ApiError,
    },
    service::session::watch::{self, SessionChanges},
};

/// An event of `sessionChanges`: the current session, or its deletion.
#[derive(SimpleObject)]
pub(in crate::graphql) struct SessionChange {
    /// The session's id.
    session_id: ID,
    /// The session. Null if it was deleted.
    session: Option<Session>,
}

impl From<watch::SessionChange> for SessionChange {
    fn from(change: watch::SessionChange) -> Self {
        Self { session_id: ID::from(change.id), session: change.session.map(Session::from) }
    }
}

#[derive(Default)]
pub(in crate::graphql) struct SessionSubscription;

#[Subscription]
impl SessionSubscription {
    /// Changes of sessions. The stream starts with the current state of each session. It then sends a new state after
    /// each change of the status, pairing code, label or history import. Changes in quick succession may be combined. A
    /// deleted session is sent once with a null `session`. If the subscription is for that session only, the stream
    /// then ends. Requires `events`.
    #[graphql(guard = "requires(Capability::Events)")]
    async fn session_changes(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only this session. By default, all sessions.")] session_id: Option<ID>,
    ) -> Result<impl Stream<Item = Result<SessionChange, ApiError>> + use<>, ApiError> {
        let session = session_id.as_ref().map(self::session_id).transpose()?;
        Ok(events(context.sessions().follow(context.viewer(), session).await?, context.pacer().clone()))
    }
}

/// The events of `changes` until they end, or until an error, which is the last item.
fn events(changes: SessionChanges, pace: AnswerPacer) -> impl Stream<Item = Result<SessionChange, ApiError>> {
    stream::unfold(Some(changes), move |changes| {
        let pace = pace.clone();
        async move {
            let mut changes = changes?;
            match changes.next().await {
                Ok(Some(change)) => {
                    pace.begin_event(None).await;
                    Some((Ok(change.into()), Some(changes)))
                }
                Ok(None) => None,
                Err(error) => Some((Err(error.into()), None)),
            }
        }
    })
}
