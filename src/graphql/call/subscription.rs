//! Call subscriptions.

use async_graphql::{Context, ID, Subscription};
use futures_util::{Stream, stream};

use super::object::IncomingCall;
use crate::{
    domain::capability::Capability,
    graphql::{
        backpressure::AnswerPacer,
        capability::requires,
        context::{ContextExt as _, session_id},
        error::ApiError,
    },
    service::call::IncomingCalls,
};

#[derive(Default)]
pub(in crate::graphql) struct CallSubscription;

#[Subscription]
impl CallSubscription {
    /// Incoming calls as they ring, once each. Calls are not stored and not replayed. Requires `events`.
    #[graphql(guard = "requires(Capability::Events)")]
    async fn incoming_calls(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only this session. By default, all sessions.")] session_id: Option<ID>,
    ) -> Result<impl Stream<Item = Result<IncomingCall, ApiError>> + use<>, ApiError> {
        let session = session_id.as_ref().map(self::session_id).transpose()?;
        Ok(events(context.calls().follow(context.viewer(), session).await?, context.pacer().clone()))
    }
}

/// The calls until an error, which is the last item.
fn events(calls: IncomingCalls, pace: AnswerPacer) -> impl Stream<Item = Result<IncomingCall, ApiError>> {
    stream::unfold(Some(calls), move |calls| {
        let pace = pace.clone();
        async move {
            let mut calls = calls?;
            match calls.next().await {
                Ok(call) => {
                    pace.begin_event(None).await;
                    Some((Ok(call.into()), Some(calls)))
                }
                Err(error) => Some((Err(error.into()), None)),
            }
        }
    })
}
