//! Settings that WhatsApp rejected.

use std::collections::HashMap;

use chatgraph_entity::refusal;
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, sea_query::OnConflict,
};

use super::{Store, enum_code::DbEnum as _, error::StoreError, unit_of_work::UnitOfWork};
use crate::domain::{
    id::{ChatId, OrganizationId},
    pending_action::{Rejection, RejectionCode},
    setting::Setting,
};

impl Store {
    /// Returns the rejected settings of several chats; chats without any are missing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rejections(
        &self,
        organization: &OrganizationId,
        chats: &[ChatId],
    ) -> Result<HashMap<ChatId, Vec<Rejection>>, StoreError> {
        let corrupt = |column| StoreError::Corrupt { table: "refusal", column };
        let rows = refusal::Entity::find()
            .filter(refusal::Column::Organization.eq(organization.as_str()))
            .filter(refusal::Column::ChatId.is_in(chats.iter().map(|id| id.to_bytes())))
            .all(&self.reader(organization))
            .await?;
        let mut refusals: HashMap<_, Vec<_>> = HashMap::new();
        for row in rows {
            let chat = ChatId::from_bytes(&row.chat_id).map_err(|_| corrupt("chat_id"))?;
            let setting = Setting::from_code(row.setting, "refusal", "setting")?;
            let code = RejectionCode::from_code(row.code, "refusal", "code")?;
            refusals.entry(chat).or_default().push(Rejection { setting, code, at: row.at });
        }
        Ok(refusals)
    }
}

impl UnitOfWork<'_> {
    /// Returns the rejected settings of the chat.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rejections_of(&mut self, chat: ChatId) -> Result<Vec<Rejection>, StoreError> {
        let rows = refusal::Entity::find()
            .filter(refusal::Column::Organization.eq(self.organization.as_str()))
            .filter(refusal::Column::ChatId.eq(chat.to_bytes()))
            .all(self.tx)
            .await?;
        let read = |row: refusal::Model| {
            let setting = Setting::from_code(row.setting, "refusal", "setting")?;
            let code = RejectionCode::from_code(row.code, "refusal", "code")?;
            Ok(Rejection { setting, code, at: row.at })
        };
        rows.into_iter().map(read).collect()
    }

    /// Stores a rejection, replacing an earlier one of the same setting.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_rejection(&mut self, chat: ChatId, refusal: &Rejection) -> Result<(), StoreError> {
        let row = refusal::Model {
            chat_id: chat.to_bytes(),
            setting: refusal.setting.code(),
            organization: self.organization.to_string(),
            reason: refusal.code.description().to_owned(),
            code: refusal.code.code(),
            at: refusal.at,
        };
        let key = [refusal::Column::ChatId, refusal::Column::Setting];
        let replaced = [refusal::Column::Reason, refusal::Column::Code, refusal::Column::At];
        refusal::Entity::insert(row.into_active_model())
            .on_conflict(OnConflict::columns(key).update_columns(replaced).to_owned())
            .exec_without_returning(self.tx)
            .await?;
        Ok(())
    }

    /// Removes a rejection after the setting was changed again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_rejection(&mut self, chat: ChatId, setting: Setting) -> Result<(), StoreError> {
        let of_setting = Condition::all()
            .add(refusal::Column::Organization.eq(self.organization.as_str()))
            .add(refusal::Column::ChatId.eq(chat.to_bytes()))
            .add(refusal::Column::Setting.eq(setting.code()));
        refusal::Entity::delete_many().filter(of_setting).exec(self.tx).await?;
        Ok(())
    }
}
