//! Chats and the addresses that find them.

use std::collections::HashMap;

use chatgraph_entity::chat;
use chatgraph_entity::chat_alias;
use sea_orm::ActiveModelTrait as _;
use sea_orm::ActiveValue::NotSet;
use sea_orm::ActiveValue::Set;
use sea_orm::ColumnTrait;
use sea_orm::Condition;
use sea_orm::DbErr;
use sea_orm::EntityTrait as _;
use sea_orm::ExprTrait as _;
use sea_orm::IntoActiveModel as _;
use sea_orm::JoinType;
use sea_orm::QueryFilter as _;
use sea_orm::QueryOrder as _;
use sea_orm::QuerySelect as _;
use sea_orm::QueryTrait as _;
use sea_orm::Select;
use sea_orm::sea_query::Expr;
use sea_orm::sea_query::OnConflict;
use sea_orm::sea_query::SelectStatement;

use crate::domain::change::ChatFields;
use crate::domain::chat::Chat;
use crate::domain::chat::Dated;
use crate::domain::chat::LastMessage;
use crate::domain::chat::Names;
use crate::domain::id::ChatId;
use crate::domain::id::MessageId;
use crate::domain::id::OrganizationId;
use crate::domain::id::SessionId;
use crate::domain::jid::Jid;
use crate::domain::list;
use crate::domain::list::InboxClass;
use crate::domain::search;

use super::Store;
use super::code::Code as _;
use super::error::StoreError;
use super::organization;
use super::text;
use super::tombstone;
use super::unit::Unit;

impl Store {
    /// The chat that `jid`, canonical or an alias, finds in the session.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn chat(
        &self,
        organization: &OrganizationId,
        session: SessionId,
        jid: &Jid,
    ) -> Result<Option<Chat>, StoreError> {
        found_by(organization, session, jid).one(&self.readers).await?.map(from_row).transpose()
    }

    /// Chats by their ids; those that are gone are missing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn chats_by_ids(&self, organization: &OrganizationId, ids: &[ChatId]) -> Result<Vec<Chat>, StoreError> {
        with_ids(organization, ids.iter().map(|id| id.to_bytes()))
            .all(&self.readers)
            .await?
            .into_iter()
            .map(from_row)
            .collect()
    }

    /// Every address of the session's chats that bear a saved name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn saved_contacts(
        &self,
        organization: &OrganizationId,
        session: SessionId,
    ) -> Result<Vec<Jid>, StoreError> {
        let addresses = saved(organization, session).into_tuple::<String>().all(&self.readers).await?;
        let addresses = addresses.iter().map(|jid| jid.parse()).collect::<Result<_, _>>();
        addresses.map_err(|_| StoreError::Corrupt { table: "chat_alias", column: "jid" })
    }

    /// Every address that finds the chats, the canonical ones included, in a stable order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn addresses(
        &self,
        organization: &OrganizationId,
        chats: &[ChatId],
    ) -> Result<HashMap<ChatId, Vec<Jid>>, StoreError> {
        let corrupt = |column| StoreError::Corrupt { table: "chat_alias", column };
        let rows = chat_alias::Entity::find()
            .filter(chat_alias::Column::Organization.eq(organization.as_str()))
            .filter(chat_alias::Column::ChatId.is_in(chats.iter().map(|id| id.to_bytes())))
            .all(&self.readers)
            .await?;
        let mut addresses: HashMap<_, Vec<_>> = HashMap::new();
        for row in rows {
            let chat = ChatId::from_bytes(&row.chat_id).map_err(|_| corrupt("chat_id"))?;
            addresses.entry(chat).or_default().push(row.jid.parse().map_err(|_| corrupt("jid"))?);
        }
        // By bytes: a PostgreSQL server sorts text as its language does.
        for jids in addresses.values_mut() {
            jids.sort_by(|a: &Jid, b| a.as_str().cmp(b.as_str()));
        }
        Ok(addresses)
    }
}

impl Unit<'_> {
    /// The chat that `jid` finds in the session, locked until the commit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn chat_for_update(
        &mut self,
        organization: &OrganizationId,
        session: SessionId,
        jid: &Jid,
    ) -> Result<Option<Chat>, StoreError> {
        if let Some(known) = self.on_shelf(|shelf| shelf.chat(session, jid)).await? {
            return Ok(known);
        }
        let query = found_by(organization, session, jid).lock_exclusive();
        query.one(self.tx).await?.map(from_row).transpose()
    }

    /// The chats that these addresses find in the session, each once, locked until the commit in the order of their ids.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn chats_for_update(
        &mut self,
        organization: &OrganizationId,
        session: SessionId,
        jids: &[Jid],
    ) -> Result<Vec<Chat>, StoreError> {
        if let Some(known) = self.on_shelf(|shelf| shelf.chats(session, jids)).await? {
            return Ok(known);
        }
        let ids = chat_alias::Entity::find()
            .select_only()
            .column(chat_alias::Column::ChatId)
            .filter(chat_alias::Column::Organization.eq(organization.as_str()))
            .filter(chat_alias::Column::SessionId.eq(session.to_bytes()))
            .filter(chat_alias::Column::Jid.is_in(jids.iter().map(Jid::as_str)))
            .into_tuple::<Vec<u8>>()
            .all(self.tx)
            .await?;
        let query = with_ids(organization, ids).order_by_asc(chat::Column::Id).lock_exclusive();
        query.all(self.tx).await?.into_iter().map(from_row).collect()
    }

    /// The chat with this id, locked until the commit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn chat_by_id_for_update(
        &mut self,
        organization: &OrganizationId,
        id: ChatId,
    ) -> Result<Option<Chat>, StoreError> {
        self.put_away().await?;
        let query = chat::Entity::find_by_id(id.to_bytes()).filter(owned_by(organization)).lock_exclusive();
        query.one(self.tx).await?.map(from_row).transpose()
    }

    /// The chats of the session that are pinned on the phone, `except` aside, deleted ones included. Counted under the
    /// session's lock, which the caller has taken ([`Unit::session_for_update`]): otherwise two could pin the last one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pinned_chats(
        &mut self,
        organization: &OrganizationId,
        session: SessionId,
        except: ChatId,
    ) -> Result<Vec<Chat>, StoreError> {
        self.put_away().await?;
        let chats = pinned(organization, session).filter(chat::Column::Id.ne(except.to_bytes())).all(self.tx).await?;
        let deleted = tombstone::pinned(organization, session).all(self.tx).await?;
        let chats = chats.into_iter().map(from_row);
        chats.chain(deleted.into_iter().map(tombstone::from_row)).collect()
    }

    /// Every address that finds the chat, the canonical one included.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn addresses_of(&mut self, organization: &OrganizationId, chat: ChatId) -> Result<Vec<Jid>, StoreError> {
        self.put_away().await?;
        let rows = chat_alias::Entity::find()
            .filter(chat_alias::Column::Organization.eq(organization.as_str()))
            .filter(chat_alias::Column::ChatId.eq(chat.to_bytes()))
            .all(self.tx)
            .await?;
        let addresses = rows.iter().map(|row| row.jid.parse()).collect::<Result<_, _>>();
        addresses.map_err(|_| StoreError::Corrupt { table: "chat_alias", column: "jid" })
    }

    /// Some of the session's chats, at most `limit`, with or without a message, locked until the commit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn some_chats_for_update(
        &mut self,
        organization: &OrganizationId,
        session: SessionId,
        limit: u64,
    ) -> Result<Vec<Chat>, StoreError> {
        self.put_away().await?;
        let query = chat::Entity::find()
            .filter(owned_by(organization))
            .filter(chat::Column::SessionId.eq(session.to_bytes()))
            .order_by_asc(chat::Column::Activity)
            .order_by_asc(chat::Column::Id)
            .limit(limit)
            .lock_exclusive();
        query.all(self.tx).await?.into_iter().map(from_row).collect()
    }

    /// Stores a new chat under its canonical address, and the other one of the person, where it is known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_chat(&mut self, organization: &OrganizationId, chat: &Chat) -> Result<(), StoreError> {
        if self.on_shelf(|shelf| shelf.add_chat(chat)).await?.is_some() {
            return Ok(());
        }
        chat::Entity::insert(to_row(organization, chat).into_active_model()).exec_without_returning(self.tx).await?;
        let other = self.other_address(organization, chat.session, &chat.jid).await?;
        let addresses: Vec<_> = std::iter::once(chat.jid.clone()).chain(other).collect();
        self.insert_addresses(organization, chat, &addresses).await
    }

    /// Stores more addresses of a chat; those that find it already are left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_addresses(
        &mut self,
        organization: &OrganizationId,
        chat: &Chat,
        addresses: &[Jid],
    ) -> Result<(), StoreError> {
        if addresses.is_empty() || self.on_shelf(|shelf| shelf.add_addresses(chat, addresses)).await?.is_some() {
            return Ok(());
        }
        let aliases = addresses.iter().map(|jid| chat_alias::ActiveModel {
            session_id: Set(chat.session.to_bytes()),
            jid: Set(jid.to_string()),
            organization: Set(organization.to_string()),
            chat_id: Set(chat.id.to_bytes()),
        });
        let known =
            OnConflict::columns([chat_alias::Column::SessionId, chat_alias::Column::Jid]).do_nothing().to_owned();
        chat_alias::Entity::insert_many(aliases).on_conflict(known).exec_without_returning(self.tx).await?;
        Ok(())
    }

    /// Stores what differs about a chat.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn save_chat(&mut self, organization: &OrganizationId, chat: &Chat) -> Result<(), StoreError> {
        if self.on_shelf(|shelf| shelf.save(chat)).await?.is_some() {
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

/// Those of the ids that are the organization's chats.
pub(super) fn with_ids(organization: &OrganizationId, ids: impl IntoIterator<Item = Vec<u8>>) -> Select<chat::Entity> {
    let owned = organization::owns(&chat::Column::Organization, organization);
    chat::Entity::find().filter(owned).filter(chat::Column::Id.is_in(ids))
}

/// The addresses of the session's chats with a saved name, from the chats on.
pub(super) fn saved(organization: &OrganizationId, session: SessionId) -> Select<chat_alias::Entity> {
    let of_chat = chat_alias::Entity::belongs_to(chat::Entity).from(chat_alias::Column::ChatId).to(chat::Column::Id);
    chat_alias::Entity::find()
        .select_only()
        .column(chat_alias::Column::Jid)
        .join(JoinType::InnerJoin, of_chat.into())
        .filter(owned_by(organization))
        .filter(chat::Column::SessionId.eq(session.to_bytes()))
        .filter(chat::Column::ContactName.is_not_null())
}

/// The session's pinned chats. The condition is written as in their index, without a parameter.
pub(super) fn pinned(organization: &OrganizationId, session: SessionId) -> Select<chat::Entity> {
    chat::Entity::find()
        .filter(owned_by(organization))
        .filter(chat::Column::SessionId.eq(session.to_bytes()))
        .filter(chat::Column::Pinned.into_expr())
}

/// The chat that an address finds.
pub(super) fn found_by(organization: &OrganizationId, session: SessionId, jid: &Jid) -> Select<chat::Entity> {
    let id = chat_alias::Entity::find()
        .select_only()
        .column(chat_alias::Column::ChatId)
        .filter(chat_alias::Column::SessionId.eq(session.to_bytes()))
        .filter(chat_alias::Column::Jid.eq(jid.as_str()))
        .filter(chat_alias::Column::Organization.eq(organization.as_str()))
        .into_query();
    chat::Entity::find().filter(owned_by(organization)).filter(is_the_one(&chat::Column::Id, id))
}

/// Whether the column is what `query` finds, which is one value at most. Asked with `IN`, SQLite would rather go through all
/// that an organization has.
pub(super) fn is_the_one(column: &impl ColumnTrait, query: SelectStatement) -> Expr {
    Expr::col(column.as_column_ref()).eq(Expr::SubQuery(None, Box::new(query.into())))
}

pub(super) fn to_row(organization: &OrganizationId, chat: &Chat) -> chat::Model {
    let (horizon_at, horizon_ids) = tombstone::horizon_to_columns(chat.horizon.as_ref());
    let (read_to_at, read_to_ids) = tombstone::horizon_to_columns(chat.read_to.as_ref());
    chat::Model {
        id: chat.id.to_bytes(),
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
        last_message_at: chat.last_message.map(|message| message.at),
        last_message_id: chat.last_message.and_then(|message| message.id).map(MessageId::to_bytes),
        kind: chat.chat_type().code(),
        activity: list::activity(chat),
        inbox_class: InboxClass::of(chat) as i16,
        inbox_rank: list::inbox_rank(chat),
        searchable: text::storable(&search::searchable(chat)),
        pending: chat.pending.bits(),
        created_at: chat.created_at,
        horizon_at,
        horizon_ids,
        refused: chat.refused.bits(),
        arrivals: chat.arrivals,
        read_to_at,
        read_to_ids,
        address: chat.address.as_ref().map(|address| address.value.to_string()),
        address_as_of: chat.address.as_ref().map_or(0, |address| address.as_of),
    }
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
        last_message: row.last_message_at.map(|at| LastMessage { id: message, at }),
        pending: ChatFields::from_bits(row.pending),
        refused: ChatFields::from_bits(row.refused),
        horizon: tombstone::horizon_from_columns(row.horizon_at, row.horizon_ids.as_deref(), ("chat", "horizon_ids"))?,
        arrivals: row.arrivals,
        read_to: tombstone::horizon_from_columns(row.read_to_at, row.read_to_ids.as_deref(), ("chat", "read_to_ids"))?,
        address: address.map(|value| Box::new(Dated { value, as_of: row.address_as_of })),
        created_at: row.created_at,
    })
}
