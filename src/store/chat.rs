//! Chats, and finding them by address.

use chatgraph_entity::chat;
use sea_orm::{
    ActiveModelTrait as _,
    ActiveValue::NotSet,
    ColumnTrait, Condition, DbErr, EntityTrait as _, ExprTrait as _, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, Select,
    sea_query::{Expr, SelectStatement},
};

use super::{
    Store,
    enum_code::{DbEnum as _, bits, from_bits},
    error::StoreError,
    message_marker, organization, peer, sanitize,
    setting_columns::{row_with_settings, settings_of_row},
    tombstone,
    unit_of_work::UnitOfWork,
};
use crate::domain::{
    chat::{Chat, ChatNames, LastMessage},
    chat_list::{self, InboxClass},
    id::{ChatId, MessageId, OrganizationId, SessionId},
    jid::Jid,
    peer::{Peer, last_owner},
    search,
    setting::Versioned,
};

impl Store {
    /// Returns the session's chat with the address `jid`, canonical or an alias.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn chat(
        &self,
        organization: &OrganizationId,
        session: SessionId,
        jid: &Jid,
    ) -> Result<Option<Chat>, StoreError> {
        found_by(organization, session, jid).one(&self.reader(organization)).await?.map(from_row).transpose()
    }
}

impl UnitOfWork<'_> {
    /// Returns the session's chat with the address `jid`, locked until the commit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn chat_for_update(&mut self, session: SessionId, jid: &Jid) -> Result<Option<Chat>, StoreError> {
        if let Some(known) = self.cached(|cache| cache.chat(session, jid)).await? {
            return Ok(known);
        }
        let query = found_by(self.organization, session, jid).lock_exclusive();
        query.one(self.tx).await?.map(from_row).transpose()
    }

    /// Returns the existing chats with these ids, locked until the commit in the order of their ids.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn chats_by_ids_for_update(&mut self, ids: &[ChatId]) -> Result<Vec<Chat>, StoreError> {
        self.flush().await?;
        let query = with_ids(self.organization, ids.iter().map(|id| id.to_bytes()));
        let query = query.order_by_asc(chat::Column::Id).lock_exclusive();
        query.all(self.tx).await?.into_iter().map(from_row).collect()
    }

    /// Returns the chat of a peer, locked until the commit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn chat_with_for_update(&mut self, peer: &Peer) -> Result<Option<Chat>, StoreError> {
        let Some(chat) = peer.chat else { return Ok(None) };
        if let Some(known) = self.cached(|cache| cache.chat_with(peer.id)).await? {
            return Ok(known);
        }
        let query = chat::Entity::find_by_id(chat.to_bytes()).filter(owned_by(self.organization)).lock_exclusive();
        query.one(self.tx).await?.map(from_row).transpose()
    }

    /// Returns the chat with this id, locked until the commit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn chat_by_id_for_update(&mut self, id: ChatId) -> Result<Option<Chat>, StoreError> {
        self.flush().await?;
        let query = chat::Entity::find_by_id(id.to_bytes()).filter(owned_by(self.organization)).lock_exclusive();
        query.one(self.tx).await?.map(from_row).transpose()
    }

    /// Returns the session's chats that are pinned on the phone, including deleted ones, except `except`. The caller
    /// must hold the session's lock ([`UnitOfWork::session_for_update`]): otherwise two units could both pin the last one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pinned_chats(&mut self, session: SessionId, except: ChatId) -> Result<Vec<Chat>, StoreError> {
        let organization = self.organization;
        self.flush().await?;
        let chats = pinned(organization, session).filter(chat::Column::Id.ne(except.to_bytes())).all(self.tx).await?;
        let deleted = tombstone::pinned(organization, session).all(self.tx).await?;
        let chats = chats.into_iter().map(from_row);
        chats.chain(deleted.into_iter().map(tombstone::from_row)).collect()
    }

    /// Returns the session's archived chats with a message since they were archived, locked until the commit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn chats_archived_before_activity(&mut self, session: SessionId) -> Result<Vec<Chat>, StoreError> {
        self.flush().await?;
        let query = chat::Entity::find()
            .filter(owned_by(self.organization))
            .filter(chat::Column::SessionId.eq(session.to_bytes()))
            .filter(chat::Column::Archived.eq(true))
            .filter(Expr::col(chat::Column::LastMessageAt).gt(Expr::col(chat::Column::ArchivedAsOf)))
            .order_by_asc(chat::Column::Id)
            .lock_exclusive();
        query.all(self.tx).await?.into_iter().map(from_row).collect()
    }

    /// Returns at most `limit` of the session's chats, locked until the commit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn some_chats_for_update(&mut self, session: SessionId, limit: u64) -> Result<Vec<Chat>, StoreError> {
        self.flush().await?;
        let query = chat::Entity::find()
            .filter(owned_by(self.organization))
            .filter(chat::Column::SessionId.eq(session.to_bytes()))
            .order_by_asc(chat::Column::Activity)
            .order_by_asc(chat::Column::Id)
            .limit(limit)
            .lock_exclusive();
        query.all(self.tx).await?.into_iter().map(from_row).collect()
    }

    /// Stores a new chat with the current owner of its address, or with a new peer.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_chat(&mut self, chat: &Chat) -> Result<(), StoreError> {
        let mut peer = self.peer_by_address(chat).await?;
        self.insert_chat_with(chat, &mut peer).await
    }

    /// Returns the current or last owner of a chat's address, or a new peer.
    pub(super) async fn peer_by_address(&mut self, chat: &Chat) -> Result<Peer, StoreError> {
        let owner = last_owner(&self.periods(chat.session, &chat.jid).await?);
        let peer = match owner {
            Some(owner) => self.peer(owner.peer).await?,
            None => None,
        };
        match peer {
            Some(peer) => Ok(peer),
            None => self.new_peer(chat.session, &chat.jid, chat.created_at).await,
        }
    }

    /// Stores a new chat of a peer without one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_chat_with(&mut self, chat: &Chat, peer: &mut Peer) -> Result<(), StoreError> {
        if self.cached(|cache| cache.add_chat(chat, peer.id)).await?.is_none() {
            chat::Entity::insert(to_row(self.organization, chat).into_active_model())
                .exec_without_returning(self.tx)
                .await?;
        }
        peer.chat = Some(chat.id);
        self.save_peer(peer).await
    }

    /// Saves a changed chat.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn save_chat(&mut self, chat: &Chat) -> Result<(), StoreError> {
        let organization = self.organization;
        if self.cached(|cache| cache.save(chat)).await?.is_some() {
            return Ok(());
        }
        let row = chat::ActiveModel { id: NotSet, ..to_row(organization, chat).into_active_model().reset_all() };
        let query = chat::Entity::update_many().set(row).filter(owned_by(organization));
        let saved = query.filter(chat::Column::Id.eq(chat.id.to_bytes())).exec(self.tx).await?;
        if saved.rows_affected == 1 { Ok(()) } else { Err(DbErr::RecordNotUpdated.into()) }
    }
}

pub(super) fn owned_by(organization: &OrganizationId) -> Condition {
    Condition::all().add(chat::Column::Organization.eq(organization.as_str()))
}

/// Query for the organization's chats with these ids.
pub(super) fn with_ids(organization: &OrganizationId, ids: impl IntoIterator<Item = Vec<u8>>) -> Select<chat::Entity> {
    let owned = organization::owns(&chat::Column::Organization, organization);
    chat::Entity::find().filter(owned).filter(chat::Column::Id.is_in(ids))
}

/// Query for the session's pinned chats. The condition is written as in their partial index, without a parameter.
pub(super) fn pinned(organization: &OrganizationId, session: SessionId) -> Select<chat::Entity> {
    chat::Entity::find()
        .filter(owned_by(organization))
        .filter(chat::Column::SessionId.eq(session.to_bytes()))
        .filter(chat::Column::Pinned.into_expr())
}

/// Query for the chat with an address.
pub(super) fn found_by(organization: &OrganizationId, session: SessionId, jid: &Jid) -> Select<chat::Entity> {
    let id = peer::chat_found_by(organization, session, jid);
    chat::Entity::find().filter(owned_by(organization)).filter(is_the_one(&chat::Column::Id, id))
}

/// Compares the column with the only value of `query`. With `IN`, SQLite would scan all chats of the organization.
pub(super) fn is_the_one(column: &impl ColumnTrait, query: SelectStatement) -> Expr {
    Expr::col(column.as_column_ref()).eq(Expr::SubQuery(None, Box::new(query.into())))
}

pub(super) fn to_row(organization: &OrganizationId, chat: &Chat) -> chat::Model {
    let (horizon_at, horizon_ids) = message_marker::to_columns(chat.known_up_to.as_ref());
    let (read_to_at, read_to_ids) = message_marker::to_columns(chat.read_to.as_ref());
    let (emptied_at, emptied_ids) = message_marker::to_columns(chat.emptied.as_ref());
    row_with_settings!(chat::Model, chat.settings, {
        id: chat.id.to_bytes(),
        organization: organization.to_string(),
        session_id: chat.session.to_bytes(),
        jid: chat.jid.to_string(),
        subject: sanitize::strip_nul_if_any(chat.names.subject.as_ref()),
        contact_name: sanitize::strip_nul_if_any(chat.names.contact.as_ref()),
        push_name: sanitize::strip_nul_if_any(chat.names.push.as_ref()),
        business_name: sanitize::strip_nul_if_any(chat.names.business.as_ref()),
        unread_count: i32::try_from(chat.unread_count).unwrap_or(i32::MAX),
        last_message_at: chat.last_message.map(|message| message.at),
        last_message_id: chat.last_message.and_then(|message| message.id).map(MessageId::to_bytes),
        kind: chat.chat_type().code(),
        activity: chat_list::activity(chat),
        inbox_class: InboxClass::new(chat) as i16,
        inbox_rank: chat_list::inbox_rank(chat),
        searchable: sanitize::strip_nul(&search::searchable(chat)),
        pending: bits(chat.pending),
        created_at: chat.created_at,
        horizon_at,
        horizon_ids,
        refused: bits(chat.refused),
        arrivals: chat.arrivals,
        read_to_at,
        read_to_ids,
        address: chat.address.as_ref().map(|address| address.value.to_string()),
        address_as_of: chat.address.as_ref().map_or(0, |address| address.as_of),
        revision: chat.revision,
        emptied_at,
        emptied_ids,
    })
}

pub(super) fn from_row(row: chat::Model) -> Result<Chat, StoreError> {
    let corrupt = |column| StoreError::Corrupt { table: "chat", column };
    let message = row.last_message_id.as_deref().map(MessageId::from_bytes).transpose();
    let message = message.map_err(|_| corrupt("last_message_id"))?;
    let address = row.address.map(|jid| jid.parse()).transpose().map_err(|_| corrupt("address"))?;
    Ok(Chat {
        id: ChatId::from_bytes(&row.id).map_err(|_| corrupt("id"))?,
        session: SessionId::from_bytes(&row.session_id).map_err(|_| corrupt("session_id"))?,
        jid: row.jid.parse().map_err(|_| corrupt("jid"))?,
        names: ChatNames {
            subject: row.subject,
            contact: row.contact_name,
            push: row.push_name,
            business: row.business_name,
        },
        settings: settings_of_row!(row),
        unread_count: u32::try_from(row.unread_count).map_err(|_| corrupt("unread_count"))?,
        last_message: row.last_message_at.map(|at| LastMessage { id: message, at }),
        pending: from_bits(row.pending),
        refused: from_bits(row.refused),
        known_up_to: message_marker::from_columns(row.horizon_at, row.horizon_ids.as_deref(), "chat", "horizon_ids")?,
        emptied: message_marker::from_columns(row.emptied_at, row.emptied_ids.as_deref(), "chat", "emptied_ids")?,
        arrivals: row.arrivals,
        read_to: message_marker::from_columns(row.read_to_at, row.read_to_ids.as_deref(), "chat", "read_to_ids")?,
        address: address.map(|value| Box::new(Versioned { value, as_of: row.address_as_of })),
        created_at: row.created_at,
        revision: row.revision,
        replaces: None,
    })
}
