//! Tombstones of deleted chats.

use chatgraph_entity::tombstone;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    QuerySelect as _, Select,
};

use super::{
    error::StoreError,
    message_marker, sanitize,
    setting_columns::{row_with_settings, settings_of_row},
    unit_of_work::UnitOfWork,
};
use crate::domain::{
    chat::{Chat, ChatNames},
    id::{ChatId, OrganizationId, SessionId},
    peer::Peer,
    tombstone::Tombstone,
};

impl UnitOfWork<'_> {
    /// Returns the tombstone of a peer's deleted chat, locked until the commit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tombstone_for_update(&mut self, peer: &Peer) -> Result<Option<Tombstone>, StoreError> {
        let Some(chat) = peer.chat else { return Ok(None) };
        if self.cached(|cache| cache.is_not_deleted(peer.id)).await?.is_some() {
            return Ok(None);
        }
        self.tombstone_by_id_for_update(chat).await
    }

    /// Returns the tombstone of the chat with this id, locked until the commit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tombstone_by_id_for_update(&mut self, chat: ChatId) -> Result<Option<Tombstone>, StoreError> {
        let query = tombstone::Entity::find_by_id(chat.to_bytes()).filter(owned_by(self.organization)).lock_exclusive();
        let Some(row) = query.one(self.tx).await? else { return Ok(None) };
        Ok(Some(Tombstone { deleted_at: row.deleted_at, chat: from_row(row)? }))
    }

    /// Stores a tombstone under the id of its chat, by which its peer finds it. If the chat was never stored, it
    /// becomes the chat of its address's peer.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_tombstone(&mut self, tombstone: &Tombstone) -> Result<(), StoreError> {
        self.flush().await?;
        let row = to_row(self.organization, tombstone).into_active_model();
        tombstone::Entity::insert(row).exec_without_returning(self.tx).await?;
        if self.peer_of_chat(tombstone.chat.id).await?.is_none() {
            let peer = self.peer_by_address(&tombstone.chat).await?;
            self.save_peer(&Peer { chat: Some(tombstone.chat.id), ..peer }).await?;
        }
        Ok(())
    }

    /// Saves a changed tombstone.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn save_tombstone(&mut self, tombstone: &Tombstone) -> Result<(), StoreError> {
        let organization = self.organization;
        let row = to_row(organization, tombstone).into_active_model().reset_all();
        tombstone::Entity::update(row).validate()?.filter(owned_by(organization)).exec(self.tx).await?;
        Ok(())
    }

    /// Removes a tombstone: the chat is back.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_tombstone(&mut self, chat: ChatId) -> Result<(), StoreError> {
        let gone = tombstone::Entity::delete_by_id(chat.to_bytes()).filter(owned_by(self.organization));
        gone.exec(self.tx).await?;
        Ok(())
    }
}

fn owned_by(organization: &OrganizationId) -> Condition {
    Condition::all().add(tombstone::Column::Organization.eq(organization.as_str()))
}

fn to_row(organization: &OrganizationId, tombstone: &Tombstone) -> tombstone::Model {
    let chat = &tombstone.chat;
    let (horizon_at, horizon_ids) = message_marker::to_columns(chat.known_up_to.as_ref());
    let (emptied_at, emptied_ids) = message_marker::to_columns(chat.emptied.as_ref());
    let (read_to_at, read_to_ids) = message_marker::to_columns(chat.read_to.as_ref());
    row_with_settings!(tombstone::Model, chat.settings, {
        chat_id: chat.id.to_bytes(),
        organization: organization.to_string(),
        session_id: chat.session.to_bytes(),
        jid: chat.jid.to_string(),
        subject: sanitize::strip_nul_if_any(chat.names.subject.as_ref()),
        contact_name: sanitize::strip_nul_if_any(chat.names.contact.as_ref()),
        push_name: sanitize::strip_nul_if_any(chat.names.push.as_ref()),
        business_name: sanitize::strip_nul_if_any(chat.names.business.as_ref()),
        unread_count: i32::try_from(chat.unread_count).unwrap_or(i32::MAX),
        horizon_at,
        horizon_ids,
        deleted_at: tombstone.deleted_at,
        emptied_at,
        emptied_ids,
        read_to_at,
        read_to_ids,
    })
}

/// Query for the tombstones of the session's chats that are pinned on the phone; written as in their index.
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
        names: ChatNames {
            subject: row.subject,
            contact: row.contact_name,
            push: row.push_name,
            business: row.business_name,
        },
        settings: settings_of_row!(row),
        unread_count: u32::try_from(row.unread_count).map_err(|_| corrupt("unread_count"))?,
        known_up_to: message_marker::from_columns(
            row.horizon_at,
            row.horizon_ids.as_deref(),
            "tombstone",
            "horizon_ids",
        )?,
        emptied: message_marker::from_columns(row.emptied_at, row.emptied_ids.as_deref(), "tombstone", "emptied_ids")?,
        read_to: message_marker::from_columns(row.read_to_at, row.read_to_ids.as_deref(), "tombstone", "read_to_ids")?,
        ..Chat::new(id, session, jid, row.deleted_at)
    })
}
