//! Chat subscriptions.

use async_graphql::{Context, ID, Subscription};
use futures_util::{Stream, stream};

use super::{
    change::{ChatChange, ChatChangeEvent},
    input::chat_id,
};
use crate::{
    domain::{capability::Capability, cursor::ChangeCursor, id::OrganizationId},
    feed::{self, FeedEvent},
    graphql::{
        backpressure::{AnswerPacer, EventPosition},
        capability::requires,
        context::{ContextExt as _, LastEvent, ResumeAfter, session_id},
        error::ApiError,
        scalar::Jid,
    },
    service::{self, chat::FollowTarget},
};

#[derive(Default)]
pub(in crate::graphql) struct ChatSubscription;

#[Subscription]
impl ChatSubscription {
    /// Changes of chats as they are committed, from every origin: this API, the phone, another linked device, a message
    /// or an import. Each change is sent once, in order. The first event contains only a cursor, so that a client can
    /// always resume. So does one event at least every 30 seconds while no change matches. A cursor that is older than
    /// the change log, or from before a restored backup, ends the stream with error `cursor_expired`. Read the list
    /// again, and subscribe with the `changeCursor` of that page. Requires `events`.
    #[graphql(guard = "requires(Capability::Events)")]
    async fn chat_changes(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only changes in this session. By default, changes in all sessions.")] session_id: Option<ID>,
        #[graphql(
            desc = "Only changes of the chat with this address. By default, changes of all chats. Any alias is \
                    accepted, even one that becomes an alias of the chat later."
        )]
        cid: Option<Jid>,
        #[graphql(
            desc = "Resume after this cursor, without a gap. By default, start now. Over server-sent events, the \
                    default is the header `Last-Event-ID`."
        )]
        after: Option<String>,
        #[graphql(
            desc = "Only changes of the chat with this id, and of the chat that replaces it after a merge or when it \
                    reappears. Cannot be combined with `cid`. Returns `not_found` if no such chat exists and `after` \
                    is missing."
        )]
        chat_id: Option<ID>,
    ) -> Result<impl Stream<Item = Result<ChatChangeEvent, ApiError>> + use<>, ApiError> {
        let organization = context.organization()?;
        let session = session_id.as_ref().map(self::session_id).transpose()?;
        let after = after.or_else(|| context.data_opt::<LastEvent>().map(|last| last.0.clone()));
        let after = after.map(|after| read_cursor(&after, organization)).transpose()?;
        let chat = match (cid, chat_id) {
            (Some(_), Some(_)) => {
                return Err(ApiError::invalid("chatId", "chatId: cannot be combined with cid"));
            }
            (Some(cid), None) => Some(FollowTarget::Address(cid.0)),
            (None, Some(id)) => Some(FollowTarget::Id(self::chat_id(&id)?)),
            (None, None) => None,
        };
        let (chats, viewer) = (context.chats(), context.viewer());
        let changes = match context.data_opt::<ResumeAfter>() {
            Some(ResumeAfter(cursor)) => chats.resume(viewer, session, *cursor).await?,
            None => chats.follow(viewer, session, chat, after).await?,
        };
        Ok(events(changes, organization.clone(), context.pacer().clone()))
    }
}

/// Parses a cursor. A cursor of another organization is reported as expired, so that the client reads the list again.
fn read_cursor(after: &str, organization: &OrganizationId) -> Result<ChangeCursor, ApiError> {
    ChangeCursor::decode(after, organization).map_err(|invalid| {
        if ChangeCursor::is_of_some_organization(after) {
            service::error::Error::CursorExpired.into()
        } else {
            invalid.into()
        }
    })
}

/// The events of `changes` until an error, which is the last item.
fn events(
    changes: feed::Subscription,
    organization: OrganizationId,
    pace: AnswerPacer,
) -> impl Stream<Item = Result<ChatChangeEvent, ApiError>> {
    stream::unfold(Some(changes), move |changes| {
        let (organization, pace) = (organization.clone(), pace.clone());
        async move {
            let mut changes = changes?;
            let (cursor, change) = match changes.next().await {
                Ok(FeedEvent::Change(change, cursor)) => (cursor, Some(ChatChange(change))),
                Ok(FeedEvent::Checkpoint(cursor)) => (cursor, None),
                Err(error) => return Some((Err(service::error::Error::from(error).into()), None)),
            };
            let position = EventPosition::new(cursor, &organization, change.is_some());
            let cursor = position.text.to_string();
            pace.begin_event(Some(position)).await;
            Some((Ok(ChatChangeEvent { cursor, change }), Some(changes)))
        }
    })
}
