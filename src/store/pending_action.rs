//! Pending actions.

use chatgraph_entity::pending_action::{self, Column};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, ExprTrait as _, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
    sea_query::{Expr, OnConflict},
};

use super::{Store, chat, enum_code::DbEnum as _, error::StoreError, sanitize, unit_of_work::UnitOfWork};
use crate::domain::{
    chat::Chat,
    id::{ChatId, OrganizationId, SessionId},
    jid::Jid,
    message::MessageRange,
    pending_action::PendingAction,
    setting::{Setting, SettingValue},
};

/// Actions per read, if all of them are needed, and if only the next one is.
const READ_LIMIT: u64 = 200;
const READ_NEXT_LIMIT: u64 = 20;

impl Store {
    /// Returns the pending actions, oldest request first, and a chat's settings in sending order; at most 200.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pending_actions(
        &self,
        organization: &OrganizationId,
        session: SessionId,
    ) -> Result<Vec<PendingAction>, StoreError> {
        self.actions(of_session(organization, session), READ_LIMIT).await
    }

    /// Returns the next few after `after`, or the first ones; empty at the end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn next_pending_actions(
        &self,
        organization: &OrganizationId,
        session: SessionId,
        after: Option<&PendingAction>,
    ) -> Result<Vec<PendingAction>, StoreError> {
        let behind = after.map(|after| {
            let columns = [Column::RequestedAt, Column::ChatId, Column::Setting];
            let place = Expr::tuple(columns.map(sea_orm::ColumnTrait::into_expr));
            let (setting, requested_at) = (after.desired.setting().code(), after.requested_at);
            let after = [Expr::val(after.requested_at), Expr::val(after.chat.to_bytes()), Expr::val(setting)];
            // A separate bound for the index.
            Column::RequestedAt.gte(requested_at).and(place.gt(Expr::tuple(after)))
        });
        self.actions(of_session(organization, session).add_option(behind), READ_NEXT_LIMIT).await
    }

    /// Returns whether this version of an action is still pending.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn is_pending(&self, action: &PendingAction) -> Result<bool, StoreError> {
        let setting = action.desired.setting();
        let waiting = pending_action::Entity::find()
            .filter(for_setting(&action.organization, action.session, action.chat, setting))
            .filter(Column::Version.eq(action.version));
        Ok(waiting.one(&self.readers).await?.is_some())
    }

    async fn actions(&self, condition: Condition, limit: u64) -> Result<Vec<PendingAction>, StoreError> {
        let rows = pending_action::Entity::find()
            .filter(condition)
            .order_by_asc(Column::RequestedAt)
            .order_by_asc(Column::ChatId)
            .order_by_asc(Column::Setting)
            .limit(limit)
            .all(&self.readers)
            .await?;
        let Some(organization) = rows.first().map(|row| row.organization.parse()) else { return Ok(Vec::new()) };
        let organization: OrganizationId =
            organization.map_err(|_| StoreError::Corrupt { table: "pending_action", column: "organization" })?;
        let chats = chat::with_ids(&organization, rows.iter().map(|row| row.chat_id.clone()));
        let chats = chats.all(&self.readers).await?;
        // The actions of a chat that was deleted between the two reads are skipped.
        let with_chat = rows.into_iter().filter_map(|row| {
            let chat = chats.iter().find(|chat| chat.id == row.chat_id)?;
            Some(from_row(row, chat.address.as_ref().unwrap_or(&chat.jid)))
        });
        with_chat.collect()
    }
}

impl UnitOfWork<'_> {
    /// Returns the pending action for one setting of `chat` with the address `address`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pending_action(
        &mut self,
        session: SessionId,
        chat: ChatId,
        address: &Jid,
        setting: Setting,
    ) -> Result<Option<PendingAction>, StoreError> {
        let query = pending_action::Entity::find().filter(for_setting(self.organization, session, chat, setting));
        query.one(self.tx).await?.map(|row| from_row(row, address.as_str())).transpose()
    }

    /// Returns all pending actions of `chat`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pending_actions_of(&mut self, chat: &Chat) -> Result<Vec<PendingAction>, StoreError> {
        let query = pending_action::Entity::find()
            .filter(pending_action::Column::Organization.eq(self.organization.as_str()))
            .filter(pending_action::Column::SessionId.eq(chat.session.to_bytes()))
            .filter(pending_action::Column::ChatId.eq(chat.id.to_bytes()));
        query.all(self.tx).await?.into_iter().map(|row| from_row(row, chat.sending_address().as_str())).collect()
    }

    /// Stores the action, replacing an earlier one for the same setting.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_pending_action(&mut self, action: &PendingAction) -> Result<(), StoreError> {
        let replaced = [
            Column::Version,
            Column::Desired,
            Column::Base,
            Column::BaseAsOf,
            Column::Unread,
            Column::RequestedAt,
            Column::RangeWaId,
            Column::RangeSender,
            Column::RangeFromMe,
            Column::RangeAt,
            Column::ReadWaId,
            Column::ReadSender,
            Column::ReadFromMe,
            Column::ReadAt,
        ];
        let key = [Column::SessionId, Column::ChatId, Column::Setting];
        pending_action::Entity::insert(to_row(action).into_active_model())
            .on_conflict(OnConflict::columns(key).update_columns(replaced).to_owned())
            .exec_without_returning(self.tx)
            .await?;
        Ok(())
    }

    /// Removes an action with this value and version; returns whether it existed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_pending_action(
        &mut self,
        session: SessionId,
        chat: ChatId,
        desired: SettingValue,
        version: i64,
    ) -> Result<bool, StoreError> {
        let removed = pending_action::Entity::delete_many()
            .filter(for_setting(self.organization, session, chat, desired.setting()))
            .filter(pending_action::Column::Desired.eq(desired.number()))
            .filter(pending_action::Column::Version.eq(version))
            .exec(self.tx)
            .await?;
        Ok(removed.rows_affected > 0)
    }
}

fn of_session(organization: &OrganizationId, session: SessionId) -> Condition {
    Condition::all().add(Column::Organization.eq(organization.as_str())).add(Column::SessionId.eq(session.to_bytes()))
}

fn for_setting(organization: &OrganizationId, session: SessionId, chat: ChatId, setting: Setting) -> Condition {
    Condition::all()
        .add(pending_action::Column::Organization.eq(organization.as_str()))
        .add(pending_action::Column::SessionId.eq(session.to_bytes()))
        .add(pending_action::Column::ChatId.eq(chat.to_bytes()))
        .add(pending_action::Column::Setting.eq(setting.code()))
}

fn to_row(action: &PendingAction) -> pending_action::Model {
    let (range, read) = (action.range.as_ref(), action.read_before.as_ref());
    pending_action::Model {
        session_id: action.session.to_bytes(),
        chat_id: action.chat.to_bytes(),
        setting: action.desired.setting().code(),
        organization: action.organization.to_string(),
        version: action.version,
        desired: action.desired.number(),
        base: action.base.number(),
        base_as_of: action.base_as_of,
        unread: i32::try_from(action.unread).unwrap_or(i32::MAX),
        requested_at: action.requested_at,
        range_wa_id: range.map(|range| sanitize::strip_nul(&range.wa_id)),
        range_sender: range.map(|range| range.sender.to_string()),
        range_from_me: range.map(|range| range.from_me),
        range_at: range.map(|range| range.at),
        read_wa_id: read.map(|range| sanitize::strip_nul(&range.wa_id)),
        read_sender: read.map(|range| range.sender.to_string()),
        read_from_me: read.map(|range| range.from_me),
        read_at: read.map(|range| range.at),
    }
}

fn from_row(row: pending_action::Model, address: &str) -> Result<PendingAction, StoreError> {
    let corrupt = |column| StoreError::Corrupt { table: "pending_action", column };
    let setting = Setting::from_code(row.setting, "pending_action", "setting")?;
    let range = range_of(row.range_wa_id, row.range_sender, row.range_from_me, row.range_at);
    let read_before = range_of(row.read_wa_id, row.read_sender, row.read_from_me, row.read_at);
    Ok(PendingAction {
        organization: row.organization.parse().map_err(|_| corrupt("organization"))?,
        session: SessionId::from_bytes(&row.session_id).map_err(|_| corrupt("session_id"))?,
        chat: ChatId::from_bytes(&row.chat_id).map_err(|_| corrupt("chat_id"))?,
        address: address.parse().map_err(|_| StoreError::Corrupt { table: "chat", column: "jid" })?,
        version: row.version,
        desired: SettingValue::from_number(setting, row.desired),
        base: SettingValue::from_number(setting, row.base),
        base_as_of: row.base_as_of,
        unread: u32::try_from(row.unread).map_err(|_| corrupt("unread"))?,
        requested_at: row.requested_at,
        range: range.map_err(|()| corrupt("range_sender"))?,
        read_before: read_before.map_err(|()| corrupt("read_sender"))?,
    })
}

/// Parses a range from its columns; an error if the sender is not an address.
fn range_of(
    wa_id: Option<String>,
    sender: Option<String>,
    from_me: Option<bool>,
    at: Option<i64>,
) -> Result<Option<MessageRange>, ()> {
    let (Some(wa_id), Some(sender), Some(from_me), Some(at)) = (wa_id, sender, from_me, at) else { return Ok(None) };
    Ok(Some(MessageRange { wa_id, from_me, sender: sender.parse().map_err(|_| ())?, at }))
}
