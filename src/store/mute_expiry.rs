//! Mutes that will expire, over all organizations.

use chatgraph_entity::chat;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Select};
use tracing::warn;

use super::{Store, error::StoreError};
use crate::domain::{
    clock::FOREVER,
    id::{ChatId, OrganizationId, SessionId},
};

/// A mute that will expire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndingMute {
    /// The organization.
    pub organization: OrganizationId,
    /// The chat's session.
    pub session: SessionId,
    /// The chat.
    pub chat: ChatId,
    /// End of the mute, in milliseconds.
    pub until: i64,
}

impl Store {
    /// Returns the next mutes to expire, in order, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn next_mutes_to_end(&self, limit: u64) -> Result<Vec<EndingMute>, StoreError> {
        let rows = next(limit)
            .select_only()
            .columns([chat::Column::Organization, chat::Column::SessionId, chat::Column::Id, chat::Column::MutedUntil])
            .into_tuple::<(String, Vec<u8>, Vec<u8>, i64)>()
            .all(&self.readers)
            .await?;
        let corrupt = |column| StoreError::Corrupt { table: "chat", column };
        let mute = |(organization, session, id, until): (String, Vec<u8>, Vec<u8>, i64)| {
            Ok(EndingMute {
                organization: organization.parse().map_err(|_| corrupt("organization"))?,
                session: SessionId::from_bytes(&session).map_err(|_| corrupt("session_id"))?,
                chat: ChatId::from_bytes(&id).map_err(|_| corrupt("id"))?,
                until,
            })
        };
        // An unreadable row must not keep the other mutes from ending.
        let legible = |mute: Result<_, StoreError>| {
            mute.inspect_err(|unreadable| {
                warn!(error = unreadable as &dyn std::error::Error, "Reading a mute failed; it will not end");
            })
            .ok()
        };
        Ok(rows.into_iter().map(mute).filter_map(legible).collect())
    }
}

/// Query for the next mutes to expire; `store::tests::plans` checks its plan.
pub(super) fn next(limit: u64) -> Select<chat::Entity> {
    chat::Entity::find()
        .filter(chat::Column::MutedUntil.is_not_null())
        .filter(chat::Column::MutedUntil.lt(FOREVER))
        // Deleted chats wait for the sweeper.
        .filter(chat::Column::Organization.ne(OrganizationId::trash().as_str()))
        .order_by_asc(chat::Column::MutedUntil)
        .limit(limit)
}
