//! Flushing of the cache: one statement for many rows.

use chatgraph_entity::{chat as row, message, peer::ActiveModel as PeerRow, peer_address};
use sea_orm::{ColumnTrait as _, DbErr, EntityTrait as _, IntoActiveModel as _, Iterable as _, sea_query::OnConflict};

use super::{CachedChat, RowState, UnitCache};
use crate::{
    domain::id::OrganizationId,
    store::{chat, chunk::chunks, connect::Transaction, error::StoreError, peer},
};

impl UnitCache {
    pub(in crate::store) async fn store(self, tx: &Transaction) -> Result<(), StoreError> {
        let Self { session, chats, peers, addresses, rows, .. } = self;
        let organization = &session.organization;
        for part in chunks::<row::Entity, _>(of(&chats, RowState::New, organization)) {
            row::Entity::insert_many(part).exec_without_returning(tx).await?;
        }
        for part in chunks::<row::Entity, _>(of(&chats, RowState::Changed, organization)) {
            save(tx, organization, part).await?;
        }
        let of_row = |row: RowState| peers.values().filter(move |kept| kept.row == row);
        let new = of_row(RowState::New).map(|kept| peer::to_row(organization, session.id, &kept.peer)).collect();
        for part in chunks::<chatgraph_entity::peer::Entity, _>(new) {
            chatgraph_entity::peer::Entity::insert_many(part).exec_without_returning(tx).await?;
        }
        let changed =
            of_row(RowState::Changed).map(|kept| peer::to_row(organization, session.id, &kept.peer)).collect();
        for part in chunks::<chatgraph_entity::peer::Entity, _>(changed) {
            save_peers(tx, organization, part).await?;
        }
        let addresses = addresses.iter().map(|period| peer::to_address(organization, session.id, period));
        for part in chunks::<peer_address::Entity, _>(addresses.collect()) {
            peer_address::Entity::insert_many(part).exec_without_returning(tx).await?;
        }
        for part in chunks::<message::Entity, _>(rows) {
            message::Entity::insert_many(part).exec_without_returning(tx).await?;
        }
        Ok(())
    }
}

fn of(chats: &[CachedChat], row: RowState, organization: &OrganizationId) -> Vec<row::ActiveModel> {
    let chats = chats.iter().filter(|kept| kept.row == row);
    chats.map(|kept| chat::to_row(organization, &kept.chat).into_active_model()).collect()
}

/// Saves changed chats, which are stored and locked.
async fn save(tx: &Transaction, organization: &OrganizationId, chats: Vec<row::ActiveModel>) -> Result<(), StoreError> {
    let all = chats.len() as u64;
    let columns = row::Column::iter().filter(|column| !matches!(column, row::Column::Id));
    let known = OnConflict::column(row::Column::Id)
        .update_columns(columns)
        .action_and_where(row::Column::Organization.eq(organization.as_str()))
        .to_owned();
    let saved = row::Entity::insert_many(chats).on_conflict(known).exec_without_returning(tx).await?;
    if saved == all { Ok(()) } else { Err(DbErr::RecordNotUpdated.into()) }
}

/// Saves changed peers, which are stored.
async fn save_peers(tx: &Transaction, organization: &OrganizationId, peers: Vec<PeerRow>) -> Result<(), StoreError> {
    use chatgraph_entity::peer::{Column, Entity};
    let known = OnConflict::column(Column::Id)
        .update_columns([Column::Jid, Column::ChatId])
        .action_and_where(Column::Organization.eq(organization.as_str()))
        .to_owned();
    Entity::insert_many(peers).on_conflict(known).exec_without_returning(tx).await?;
    Ok(())
}
