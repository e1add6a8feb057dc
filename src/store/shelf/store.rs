//! What waits on a shelf, stored: a statement for some hundred rows.

use chatgraph_entity::chat as row;
use chatgraph_entity::chat_alias;
use chatgraph_entity::message;
use sea_orm::ActiveValue::Set;
use sea_orm::ColumnTrait as _;
use sea_orm::DbErr;
use sea_orm::EntityTrait as _;
use sea_orm::IntoActiveModel as _;
use sea_orm::Iterable as _;
use sea_orm::sea_query::OnConflict;

use crate::domain::id::OrganizationId;
use crate::store::chat;
use crate::store::connect::Transaction;
use crate::store::error::StoreError;
use crate::store::parts::parts;
use crate::store::person;

use super::Kept;
use super::Row;
use super::Shelf;

impl Shelf {
    pub(super) async fn store(self, tx: &Transaction) -> Result<(), StoreError> {
        let Self { session, chats, people, aliases, rows, .. } = self;
        let organization = &session.organization;
        for part in parts(of(&chats, Row::New, organization)) {
            row::Entity::insert_many(part).exec_without_returning(tx).await?;
        }
        for part in parts(of(&chats, Row::Changed, organization)) {
            save(tx, organization, part).await?;
        }
        let people = people.iter().map(|it| person::to_row(organization, session.id, it)).collect();
        for part in parts(people) {
            chatgraph_entity::person::Entity::insert_many(part).exec_without_returning(tx).await?;
        }
        let aliases = aliases.iter().map(|(jid, chat)| chat_alias::ActiveModel {
            session_id: Set(session.id.to_bytes()),
            jid: Set(jid.to_string()),
            organization: Set(organization.to_string()),
            chat_id: Set(chat.to_bytes()),
        });
        for part in parts(aliases.collect()) {
            chat_alias::Entity::insert_many(part).exec_without_returning(tx).await?;
        }
        for part in parts(rows) {
            message::Entity::insert_many(part).exec_without_returning(tx).await?;
        }
        Ok(())
    }
}

fn of(chats: &[Kept], row: Row, organization: &OrganizationId) -> Vec<row::ActiveModel> {
    let chats = chats.iter().filter(|kept| kept.row == row);
    chats.map(|kept| chat::to_row(organization, &kept.chat).into_active_model()).collect()
}

/// Stores what differs about chats that are stored, and locked.
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
