//! Rows of the change log.

use chatgraph_entity::change;
use sea_orm::{ConnectionTrait, EntityTrait as _, IntoActiveModel as _};

use super::{
    chunk::chunks,
    enum_code::{DbEnum as _, bits, from_bits},
    error::StoreError,
    setting_columns::{row_with_setting_values, setting_values_of_row},
};
use crate::domain::{
    change::{Change, ChangeKind, ChatState, Origin},
    chat::LastMessage,
    id::{ChatId, MessageId, OrganizationId, SessionId},
};

/// Stores numbered changes.
pub(super) async fn insert(
    tx: &impl ConnectionTrait,
    organization: &OrganizationId,
    changes: &[Change],
) -> Result<(), StoreError> {
    for part in chunks::<change::Entity, _>(changes.iter().collect()) {
        let rows = part.into_iter().map(|change| to_row(organization, change));
        change::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

fn to_row(organization: &OrganizationId, change: &Change) -> change::ActiveModel {
    let state = &change.state;
    let row = row_with_setting_values!(change::Model, state.settings, {
        organization: organization.to_string(),
        number: change.number,
        at: change.at,
        kind: change.kind.code(),
        origin: change.origin.code(),
        session_id: change.session.to_bytes(),
        chat_id: change.chat.to_bytes(),
        cid: change.cid.to_string(),
        changed: bits(change.changed),
        unread_count: i32::try_from(state.unread_count).unwrap_or(i32::MAX),
        last_message_at: state.last_message.map(|message| message.at),
        last_message_id: state.last_message.and_then(|message| message.id).map(MessageId::to_bytes),
        pending: bits(state.pending),
        refused: bits(state.refused),
        merged_into: change.merged_into.map(ChatId::to_bytes),
        revision: change.revision,
        replaces: change.replaces.map(ChatId::to_bytes),
    });
    row.into_active_model()
}

pub(super) fn from_row(row: &change::Model) -> Result<Change, StoreError> {
    let corrupt = |column| StoreError::Corrupt { table: "change", column };
    let message = row.last_message_id.as_deref().map(MessageId::from_bytes).transpose();
    let message = message.map_err(|_| corrupt("last_message_id"))?;
    let merged_into = row.merged_into.as_deref().map(ChatId::from_bytes).transpose();
    let replaces = row.replaces.as_deref().map(ChatId::from_bytes).transpose();
    Ok(Change {
        number: row.number,
        at: row.at,
        kind: ChangeKind::from_code(row.kind, "change", "kind")?,
        origin: Origin::from_code(row.origin, "change", "origin")?,
        session: SessionId::from_bytes(&row.session_id).map_err(|_| corrupt("session_id"))?,
        chat: ChatId::from_bytes(&row.chat_id).map_err(|_| corrupt("chat_id"))?,
        cid: row.cid.parse().map_err(|_| corrupt("cid"))?,
        changed: from_bits(row.changed),
        state: ChatState {
            settings: setting_values_of_row!(row),
            unread_count: u32::try_from(row.unread_count).map_err(|_| corrupt("unread_count"))?,
            last_message: row.last_message_at.map(|at| LastMessage { id: message, at }),
            pending: from_bits(row.pending),
            refused: from_bits(row.refused),
        },
        revision: row.revision,
        merged_into: merged_into.map_err(|_| corrupt("merged_into"))?,
        replaces: replaces.map_err(|_| corrupt("replaces"))?,
    })
}
