//! The unread messages of deleted chats: as much of each as tells how many are left when some are read.

use chatgraph_entity::deleted_unread;
use chatgraph_entity::deleted_unread::Column;
use chatgraph_entity::message;
use sea_orm::ActiveValue::Set;
use sea_orm::ColumnTrait as _;
use sea_orm::Condition;
use sea_orm::EntityTrait as _;
use sea_orm::PaginatorTrait as _;
use sea_orm::QueryFilter as _;
use sea_orm::QueryOrder as _;
use sea_orm::QuerySelect as _;

use crate::domain::horizon::Horizon;
use crate::domain::id::ChatId;
use crate::domain::id::OrganizationId;
use crate::domain::id::SessionId;
use crate::domain::tombstone::Tombstone;

use super::error::StoreError;
use super::message::of_chat;
use super::parts::parts;
use super::text;
use super::unit::Unit;

/// A deleted chat keeps at most this many; the older ones are read with the first of them.
const MOST: u64 = 500;

/// An unread message of a deleted chat.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeletedUnread {
    /// When it was sent, in milliseconds.
    pub at: i64,
    /// The id that it had.
    pub id: Vec<u8>,
    /// The chat.
    pub chat: ChatId,
    /// WhatsApp's id.
    pub wa_id: String,
}

impl Unit<'_> {
    /// Keeps what is unread in a chat that is deleted now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep_unread(&mut self, organization: &OrganizationId, deleted: &Tombstone) -> Result<(), StoreError> {
        let chat = &deleted.chat;
        if chat.unread_count == 0 {
            return Ok(());
        }
        let unread = message::Entity::find()
            .select_only()
            .columns([message::Column::Id, message::Column::WaId, message::Column::At])
            .filter(of_chat(organization, chat.id))
            .filter(message::Column::FromMe.eq(false))
            .filter(message::Column::Revoked.eq(false))
            .order_by_desc(message::Column::At)
            .order_by_desc(message::Column::Id)
            .limit(MOST.min(chat.unread_count.into()))
            .into_tuple::<(Vec<u8>, String, i64)>()
            .all(self.tx)
            .await?;
        let rows = unread.into_iter().map(|(id, wa_id, at)| deleted_unread::ActiveModel {
            chat_id: Set(chat.id.to_bytes()),
            message_id: Set(id),
            organization: Set(organization.to_string()),
            session_id: Set(chat.session.to_bytes()),
            wa_id: Set(wa_id),
            at: Set(at),
        });
        for part in parts(rows.collect()) {
            deleted_unread::Entity::insert_many(part).exec_without_returning(self.tx).await?;
        }
        Ok(())
    }

    /// The unread messages of deleted chats with these ids of WhatsApp's.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn deleted_unread(
        &mut self,
        organization: &OrganizationId,
        session: SessionId,
        wa_ids: &[String],
    ) -> Result<Vec<DeletedUnread>, StoreError> {
        let rows = deleted_unread::Entity::find()
            .filter(Column::Organization.eq(organization.as_str()))
            .filter(Column::SessionId.eq(session.to_bytes()))
            .filter(Column::WaId.is_in(wa_ids.iter().map(|id| text::storable(id))));
        let corrupt = |_| StoreError::Corrupt { table: "deleted_unread", column: "chat_id" };
        let read = |row: deleted_unread::Model| {
            let chat = ChatId::from_bytes(&row.chat_id).map_err(corrupt)?;
            Ok(DeletedUnread { at: row.at, id: row.message_id, chat, wa_id: row.wa_id })
        };
        rows.all(self.tx).await?.into_iter().map(read).collect()
    }

    /// Forgets the unread messages of a deleted chat up to one of them; tells how many are left.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_deleted_up_to(
        &mut self,
        organization: &OrganizationId,
        last: &DeletedUnread,
    ) -> Result<u32, StoreError> {
        let same_time = Condition::all().add(Column::At.eq(last.at)).add(Column::MessageId.lte(last.id.clone()));
        let read = Condition::any().add(Column::At.lt(last.at)).add(same_time);
        self.forget_deleted(organization, last.chat, read).await
    }

    /// Forgets the unread messages of a deleted chat up to a place; tells how many are left, or nothing if none were known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_deleted_to(
        &mut self,
        organization: &OrganizationId,
        chat: ChatId,
        place: &Horizon,
    ) -> Result<Option<u32>, StoreError> {
        let of_deleted = Column::ChatId.eq(chat.to_bytes());
        if deleted_unread::Entity::find().filter(of_deleted).one(self.tx).await?.is_none() {
            return Ok(None);
        }
        let mut of_second = Condition::all().add(Column::At.eq(place.at));
        if !place.wa_ids.is_empty() {
            of_second = of_second.add(Column::WaId.is_in(place.wa_ids.iter().map(|id| text::storable(id))));
        }
        let read = Condition::any().add(Column::At.lt(place.at)).add(of_second);
        self.forget_deleted(organization, chat, read).await.map(Some)
    }

    /// Forgets one unread message of a deleted chat.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_deleted_unread(
        &mut self,
        organization: &OrganizationId,
        unread: &DeletedUnread,
    ) -> Result<(), StoreError> {
        let it = Condition::all().add(Column::MessageId.eq(unread.id.clone()));
        self.forget_deleted(organization, unread.chat, it).await.map(drop)
    }

    async fn forget_deleted(
        &mut self,
        organization: &OrganizationId,
        chat: ChatId,
        which: Condition,
    ) -> Result<u32, StoreError> {
        let of_deleted = Condition::all()
            .add(Column::Organization.eq(organization.as_str()))
            .add(Column::ChatId.eq(chat.to_bytes()));
        deleted_unread::Entity::delete_many().filter(of_deleted.clone()).filter(which).exec(self.tx).await?;
        let left = deleted_unread::Entity::find().filter(of_deleted).count(self.tx).await?;
        Ok(u32::try_from(left).unwrap_or(u32::MAX))
    }
}
