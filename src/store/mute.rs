//! Mutes that end by the clock, of whatever organization: the clock is nobody's.

use chatgraph_entity::chat;
use sea_orm::ColumnTrait as _;
use sea_orm::EntityTrait as _;
use sea_orm::QueryFilter as _;
use sea_orm::QueryOrder as _;
use sea_orm::QuerySelect as _;
use sea_orm::Select;
use tracing::warn;

use crate::domain::clock::FOREVER;
use crate::domain::id::ChatId;
use crate::domain::id::OrganizationId;
use crate::domain::id::SessionId;

use super::Store;
use super::error::StoreError;

/// A mute that ends some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndingMute {
    /// Whose.
    pub organization: OrganizationId,
    /// The chat's session.
    pub session: SessionId,
    /// The chat.
    pub chat: ChatId,
    /// When it ends, in milliseconds.
    pub until: i64,
}

impl Store {
    /// The mutes that end first, `limit` at most, the first of all first.
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
        // A row that cannot be read must not keep the others muted.
        let legible = |mute: Result<_, StoreError>| {
            mute.inspect_err(|unreadable| warn!(error = unreadable as &dyn std::error::Error, "A mute cannot end")).ok()
        };
        Ok(rows.into_iter().map(mute).filter_map(legible).collect())
    }
}

/// What ends next; `store::tests::plans` looks at how it is found.
pub(super) fn next(limit: u64) -> Select<chat::Entity> {
    chat::Entity::find()
        .filter(chat::Column::MutedUntil.is_not_null())
        .filter(chat::Column::MutedUntil.lt(FOREVER))
        // What belongs to nobody waits to be swept.
        .filter(chat::Column::Organization.ne(OrganizationId::nobody().as_str()))
        .order_by_asc(chat::Column::MutedUntil)
        .limit(limit)
}
