//! What stays of deleted chats.

use chatgraph_entity::tombstone;
use chatgraph_entity::tombstone_alias;
use sea_orm::ActiveModelTrait as _;
use sea_orm::ActiveValue::Set;
use sea_orm::ColumnTrait as _;
use sea_orm::Condition;
use sea_orm::EntityTrait as _;
use sea_orm::IntoActiveModel as _;
use sea_orm::QueryFilter as _;
use sea_orm::QuerySelect as _;
use sea_orm::QueryTrait as _;
use sea_orm::Select;

use crate::domain::chat::Chat;
use crate::domain::chat::Dated;
use crate::domain::chat::Names;
use crate::domain::horizon::Horizon;
use crate::domain::id::ChatId;
use crate::domain::id::OrganizationId;
use crate::domain::id::SessionId;
use crate::domain::jid::Jid;
use crate::domain::tombstone::Tombstone;

use super::chat;
use super::error::StoreError;
use super::text;
use super::unit::Unit;

impl Unit<'_> {
    /// What stays of the chat that `jid` found in the session before it was deleted, locked until the commit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tombstone_for_update(
        &mut self,
        organization: &OrganizationId,
        session: SessionId,
        jid: &Jid,
    ) -> Result<Option<Tombstone>, StoreError> {
        if self.on_shelf(|shelf| shelf.is_not_deleted(session, jid)).await?.is_some() {
            return Ok(None);
        }
        let id = tombstone_alias::Entity::find()
            .select_only()
            .column(tombstone_alias::Column::ChatId)
            .filter(tombstone_alias::Column::SessionId.eq(session.to_bytes()))
            .filter(tombstone_alias::Column::Jid.eq(jid.as_str()))
            .filter(tombstone_alias::Column::Organization.eq(organization.as_str()))
            .into_query();
        let query = tombstone::Entity::find().filter(owned_by(organization));
        let query = query.filter(chat::is_the_one(&tombstone::Column::ChatId, id)).lock_exclusive();
        let Some(row) = query.one(self.tx).await? else { return Ok(None) };
        let corrupt = StoreError::Corrupt { table: "tombstone_alias", column: "jid" };
        let aliases = tombstone_alias::Entity::find()
            .filter(tombstone_alias::Column::Organization.eq(organization.as_str()))
            .filter(tombstone_alias::Column::ChatId.eq(row.chat_id.clone()))
            .all(self.tx)
            .await?;
        let addresses = aliases.iter().map(|alias| alias.jid.parse()).collect::<Result<_, _>>().map_err(|_| corrupt)?;
        Ok(Some(Tombstone { deleted_at: row.deleted_at, chat: from_row(row)?, addresses }))
    }

    /// Stores what stays of a chat, under its addresses.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_tombstone(
        &mut self,
        organization: &OrganizationId,
        tombstone: &Tombstone,
    ) -> Result<(), StoreError> {
        self.put_away().await?;
        let row = to_row(organization, tombstone).into_active_model();
        tombstone::Entity::insert(row).exec_without_returning(self.tx).await?;
        let aliases = tombstone.addresses.iter().map(|jid| tombstone_alias::ActiveModel {
            session_id: Set(tombstone.chat.session.to_bytes()),
            jid: Set(jid.to_string()),
            organization: Set(organization.to_string()),
            chat_id: Set(tombstone.chat.id.to_bytes()),
        });
        tombstone_alias::Entity::insert_many(aliases).exec_without_returning(self.tx).await?;
        Ok(())
    }

    /// Stores what differs about it; its addresses stay.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn save_tombstone(
        &mut self,
        organization: &OrganizationId,
        tombstone: &Tombstone,
    ) -> Result<(), StoreError> {
        let row = to_row(organization, tombstone).into_active_model().reset_all();
        tombstone::Entity::update(row).validate()?.filter(owned_by(organization)).exec(self.tx).await?;
        Ok(())
    }

    /// Takes it away with its addresses: the chat is back.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_tombstone(&mut self, organization: &OrganizationId, chat: ChatId) -> Result<(), StoreError> {
        let gone = tombstone::Entity::delete_by_id(chat.to_bytes()).filter(owned_by(organization));
        gone.exec(self.tx).await?;
        Ok(())
    }
}

fn owned_by(organization: &OrganizationId) -> Condition {
    Condition::all().add(tombstone::Column::Organization.eq(organization.as_str()))
}

fn to_row(organization: &OrganizationId, tombstone: &Tombstone) -> tombstone::Model {
    let chat = &tombstone.chat;
    let (horizon_at, horizon_ids) = horizon_to_columns(chat.horizon.as_ref());
    tombstone::Model {
        chat_id: chat.id.to_bytes(),
        organization: organization.to_string(),
        session_id: chat.session.to_bytes(),
        jid: chat.jid.to_string(),
        subject: text::storable_if_any(chat.names.subject.as_ref()),
        contact_name: text::storable_if_any(chat.names.contact.as_ref()),
        push_name: text::storable_if_any(chat.names.push.as_ref()),
        business_name: text::storable_if_any(chat.names.business.as_ref()),
        archived: chat.archived.value,
        archived_as_of: chat.archived.as_of,
        pinned: chat.pinned.value,
        pinned_as_of: chat.pinned.as_of,
        muted_until: chat.muted_until.value,
        muted_as_of: chat.muted_until.as_of,
        marked_unread: chat.marked_unread.value,
        marked_as_of: chat.marked_unread.as_of,
        unread_count: i32::try_from(chat.unread_count).unwrap_or(i32::MAX),
        horizon_at,
        horizon_ids,
        deleted_at: tombstone.deleted_at,
    }
}

/// What stays of the session's deleted chats that are pinned on the phone; as in their index.
pub(super) fn pinned(organization: &OrganizationId, session: SessionId) -> Select<tombstone::Entity> {
    tombstone::Entity::find()
        .filter(owned_by(organization))
        .filter(tombstone::Column::SessionId.eq(session.to_bytes()))
        .filter(tombstone::Column::Pinned.into_expr())
}

pub(super) fn from_row(row: tombstone::Model) -> Result<Chat, StoreError> {
    let corrupt = |column| StoreError::Corrupt { table: "tombstone", column };
    let id = ChatId::from_bytes(&row.chat_id).map_err(|_| corrupt("chat_id"))?;
    let session = SessionId::from_bytes(&row.session_id).map_err(|_| corrupt("session_id"))?;
    let jid = row.jid.parse().map_err(|_| corrupt("jid"))?;
    Ok(Chat {
        names: Names {
            subject: row.subject,
            contact: row.contact_name,
            push: row.push_name,
            business: row.business_name,
        },
        archived: Dated { value: row.archived, as_of: row.archived_as_of },
        pinned: Dated { value: row.pinned, as_of: row.pinned_as_of },
        muted_until: Dated { value: row.muted_until, as_of: row.muted_as_of },
        marked_unread: Dated { value: row.marked_unread, as_of: row.marked_as_of },
        unread_count: u32::try_from(row.unread_count).map_err(|_| corrupt("unread_count"))?,
        horizon: horizon_from_columns(row.horizon_at, row.horizon_ids.as_deref(), ("tombstone", "horizon_ids"))?,
        ..Chat::new(id, session, jid, row.deleted_at)
    })
}

/// A horizon as two columns keep it.
pub(super) fn horizon_to_columns(horizon: Option<&Horizon>) -> (Option<i64>, Option<String>) {
    let ids = |horizon: &Horizon| {
        let ids: Vec<_> = horizon.wa_ids.iter().map(|id| text::storable(id)).collect();
        serde_json::to_string(&ids).ok()
    };
    (horizon.map(|horizon| horizon.at), horizon.and_then(ids))
}

/// Reads what [`horizon_to_columns`] wrote.
pub(super) fn horizon_from_columns(
    at: Option<i64>,
    ids: Option<&str>,
    (table, column): (&'static str, &'static str),
) -> Result<Option<Horizon>, StoreError> {
    let Some(at) = at else { return Ok(None) };
    let ids = ids.map(serde_json::from_str).transpose();
    let wa_ids = ids.map_err(|_| StoreError::Corrupt { table, column })?.unwrap_or_default();
    Ok(Some(Horizon { at, wa_ids }))
}
