//! Ids of merged chats: a client with an old id finds the chat that replaced it.

use chatgraph_entity::merged_chat::{self, Column};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _, sea_query::Expr,
};

use super::{
    Store,
    chat::{from_row, with_ids},
    error::StoreError,
    unit_of_work::UnitOfWork,
};
use crate::domain::{
    chat::Chat,
    id::{ChatId, OrganizationId},
};

impl Store {
    /// Returns the chat with this id, or the one into which it was merged.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn chat_by_id(&self, organization: &OrganizationId, id: ChatId) -> Result<Option<Chat>, StoreError> {
        if let Some(row) = with_ids(organization, [id.to_bytes()]).one(&self.readers).await? {
            return from_row(row).map(Some);
        }
        let into = merged_chat::Entity::find_by_id(id.to_bytes())
            .select_only()
            .column(Column::IntoId)
            .filter(Column::Organization.eq(organization.as_str()))
            .into_tuple::<Vec<u8>>()
            .one(&self.readers)
            .await?;
        match into {
            Some(into) => with_ids(organization, [into]).one(&self.readers).await?.map(from_row).transpose(),
            None => Ok(None),
        }
    }
}

impl UnitOfWork<'_> {
    /// Records that `chat` was merged into another one, together with those merged into it before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_merged(&mut self, chat: &Chat, into: ChatId) -> Result<(), StoreError> {
        let organization = self.organization;
        merged_chat::Entity::update_many()
            .col_expr(Column::IntoId, Expr::value(into.to_bytes()))
            .filter(Column::Organization.eq(organization.as_str()))
            .filter(Column::SessionId.eq(chat.session.to_bytes()))
            .filter(Column::IntoId.eq(chat.id.to_bytes()))
            .exec(self.tx)
            .await?;
        let row = merged_chat::ActiveModel {
            id: Set(chat.id.to_bytes()),
            organization: Set(organization.to_string()),
            session_id: Set(chat.session.to_bytes()),
            into_id: Set(into.to_bytes()),
        };
        merged_chat::Entity::insert(row).exec_without_returning(self.tx).await?;
        Ok(())
    }
}
