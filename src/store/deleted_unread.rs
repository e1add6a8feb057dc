//! Unread messages of deleted chats: the fields needed to count them when some are read. The phone still counts them,
//! also after the chat is back.

use chatgraph_entity::{
    deleted_unread::{self, Column},
    message,
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, Condition, EntityTrait as _, PaginatorTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, QueryTrait as _, sea_query::Expr,
};

use super::{chunk::chunks, error::StoreError, message::of_chat, sanitize, unit_of_work::UnitOfWork};
use crate::domain::{
    id::{ChatId, OrganizationId, SessionId},
    message_marker::MessageMarker,
    tombstone::Tombstone,
};

/// Maximum number per deleted chat; older messages are read no later than the first of these.
const MAX_PER_CHAT: u64 = 500;

/// An unread message of a deleted chat.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeletedUnread {
    /// Time of sending, in milliseconds.
    pub at: i64,
    /// Its former id.
    pub id: Vec<u8>,
    /// The chat.
    pub chat: ChatId,
    /// WhatsApp id.
    pub wa_id: String,
}

impl UnitOfWork<'_> {
    /// Stores the unread messages of a chat that is being deleted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep_unread(&mut self, deleted: &Tombstone) -> Result<(), StoreError> {
        let organization = self.organization;
        let chat = &deleted.chat;
        let known = self.count_deleted(&[chat.id], Condition::all()).await?;
        let unread = chat.unread_count.saturating_sub(known);
        if unread == 0 {
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
            .limit(MAX_PER_CHAT.saturating_sub(known.into()).min(unread.into()))
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
        for part in chunks::<deleted_unread::Entity, _>(rows.collect()) {
            deleted_unread::Entity::insert_many(part).exec_without_returning(self.tx).await?;
        }
        Ok(())
    }

    /// Returns the unread messages of deleted chats with these WhatsApp ids.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn deleted_unread(
        &mut self,
        session: SessionId,
        wa_ids: &[String],
    ) -> Result<Vec<DeletedUnread>, StoreError> {
        let rows = deleted_unread::Entity::find()
            .filter(Column::Organization.eq(self.organization.as_str()))
            .filter(Column::SessionId.eq(session.to_bytes()))
            .filter(Column::WaId.is_in(wa_ids.iter().map(|id| sanitize::strip_nul(id))));
        let corrupt = |_| StoreError::Corrupt { table: "deleted_unread", column: "chat_id" };
        let read = |row: deleted_unread::Model| {
            let chat = ChatId::from_bytes(&row.chat_id).map_err(corrupt)?;
            Ok(DeletedUnread { at: row.at, id: row.message_id, chat, wa_id: row.wa_id })
        };
        rows.all(self.tx).await?.into_iter().map(read).collect()
    }

    /// Counts the unread deleted messages of these chats after a position, or all of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn deleted_after(
        &mut self,
        chats: &[ChatId],
        place: Option<&MessageMarker>,
    ) -> Result<u32, StoreError> {
        let behind = Condition::all().add_option(place.map(|place| up_to(place).not()));
        self.count_deleted(chats, behind).await
    }

    /// Removes the unread deleted messages of a chat up to a position.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_deleted_to(&mut self, chat: ChatId, place: &MessageMarker) -> Result<(), StoreError> {
        self.forget_deleted(chat, up_to(place)).await
    }

    /// Removes one unread deleted message.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_deleted_unread(&mut self, unread: &DeletedUnread) -> Result<(), StoreError> {
        let it = Condition::all().add(Column::MessageId.eq(unread.id.clone()));
        self.forget_deleted(unread.chat, it).await
    }

    /// Moves the unread deleted messages of one chat to its successor. Messages that the successor has, stored or
    /// deleted, are removed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn move_deleted_unread(&mut self, from: ChatId, to: ChatId) -> Result<(), StoreError> {
        let organization = self.organization;
        let stored = message::Entity::find()
            .select_only()
            .column(message::Column::WaId)
            .filter(of_chat(organization, to))
            .filter(message::Column::FromMe.eq(false))
            .into_query();
        let deleted = deleted_unread::Entity::find()
            .select_only()
            .column(Column::WaId)
            .filter(of_chats(organization, &[to]))
            .into_query();
        let known = Condition::any().add(Column::WaId.in_subquery(stored)).add(Column::WaId.in_subquery(deleted));
        self.forget_deleted(from, known).await?;
        deleted_unread::Entity::update_many()
            .col_expr(Column::ChatId, Expr::value(to.to_bytes()))
            .filter(of_chats(organization, &[from]))
            .exec(self.tx)
            .await?;
        Ok(())
    }

    async fn count_deleted(&mut self, chats: &[ChatId], which: Condition) -> Result<u32, StoreError> {
        let rows = deleted_unread::Entity::find().filter(of_chats(self.organization, chats)).filter(which);
        Ok(u32::try_from(rows.count(self.tx).await?).unwrap_or(u32::MAX))
    }

    async fn forget_deleted(&mut self, chat: ChatId, which: Condition) -> Result<(), StoreError> {
        let rows = deleted_unread::Entity::delete_many().filter(of_chats(self.organization, &[chat])).filter(which);
        rows.exec(self.tx).await.map(drop).map_err(StoreError::from)
    }
}

fn of_chats(organization: &OrganizationId, chats: &[ChatId]) -> Condition {
    Condition::all()
        .add(Column::Organization.eq(organization.as_str()))
        .add(Column::ChatId.is_in(chats.iter().map(|id| id.to_bytes())))
}

/// As [`MessageMarker::covers`].
fn up_to(place: &MessageMarker) -> Condition {
    let mut of_second = Condition::all().add(Column::At.eq(place.at));
    if !place.wa_ids.is_empty() {
        of_second = of_second.add(Column::WaId.is_in(place.wa_ids.iter().map(|id| sanitize::strip_nul(id))));
    }
    Condition::any().add(Column::At.lt(place.at)).add(of_second)
}
