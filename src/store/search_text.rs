//! Update of the search column after a change of the folding rules of `domain::search`. It runs at the start of a
//! server, before it serves: a few thousand chats a second, in transactions of a few hundred. After an interruption the
//! next start continues.

use chatgraph_entity::{chat, search_fold};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait as _, ConnectionTrait, DatabaseConnection, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
    sea_query::{Expr, OnConflict},
};
use tracing::{info, warn};

use super::{chat::from_row, connect, error::StoreError, sanitize};
use crate::domain::search::{self, FOLD_VERSION};

/// Chats per transaction.
pub(super) const STEP: u64 = 500;
/// Chats between two progress messages.
const REPORT: u64 = 50_000;

/// Folds every chat that was stored with another version of the rules. One read if there is none.
pub(super) async fn refold(writers: &DatabaseConnection) -> Result<(), StoreError> {
    let mut seen = 0;
    while let Some(chats) = step(writers).await? {
        seen += chats;
        if seen % REPORT < chats {
            info!(chats = seen, "Updating search names");
        }
    }
    Ok(())
}

/// Folds the next chats, and returns the number of visited ones; `None` if all are folded.
pub(super) async fn step(writers: &DatabaseConnection) -> Result<Option<u64>, StoreError> {
    let stored = search_fold::Entity::find_by_id(1_i16).one(writers).await?.filter(|row| row.version == FOLD_VERSION);
    let after = match stored {
        Some(search_fold::Model { refolded_to: None, .. }) => return Ok(None),
        Some(search_fold::Model { refolded_to: Some(place), .. }) => place,
        None => Vec::new(),
    };
    let tx = connect::begin(writers).await?;
    let query = chat::Entity::find().filter(chat::Column::Id.gt(after)).order_by_asc(chat::Column::Id).limit(STEP);
    let rows = query.all(&tx).await?;
    let (count, last) = (rows.len() as u64, rows.last().map(|row| row.id.clone()));
    for row in rows {
        fold(&tx, row).await?;
    }
    let row = search_fold::ActiveModel { id: Set(1), version: Set(FOLD_VERSION), refolded_to: Set(last) };
    let replace = OnConflict::column(search_fold::Column::Id)
        .update_columns([search_fold::Column::Version, search_fold::Column::RefoldedTo])
        .to_owned();
    search_fold::Entity::insert(row).on_conflict(replace).exec_without_returning(&tx).await?;
    tx.commit().await?;
    Ok(Some(count))
}

/// Folds one chat. An unreadable row is skipped.
async fn fold(tx: &impl ConnectionTrait, row: chat::Model) -> Result<(), StoreError> {
    let (id, stored) = (row.id.clone(), row.searchable.clone());
    let searchable = match from_row(row) {
        Ok(chat) => sanitize::strip_nul(&search::searchable(&chat)),
        Err(unreadable) => {
            warn!(
                error = &unreadable as &dyn std::error::Error,
                "Reading a chat failed; its search name was not updated"
            );
            return Ok(());
        }
    };
    if searchable != stored {
        chat::Entity::update_many()
            .col_expr(chat::Column::Searchable, Expr::value(searchable))
            .filter(chat::Column::Id.eq(id))
            .exec(tx)
            .await?;
    }
    Ok(())
}
