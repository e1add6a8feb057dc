//! Check of builds with debug assertions: a chat is stored with the revision of its last change.

use std::collections::HashMap;

use chatgraph_entity::chat;
use sea_orm::{ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QuerySelect as _};
use tracing::error;

use crate::{
    domain::{
        change::{Change, ChangeKind},
        id::{ChatId, OrganizationId},
    },
    store::{chunk::chunks, error::StoreError},
};

/// Returns a chat whose stored revision differs from its last change, which no writer may leave behind.
async fn wrong_revision(
    tx: &impl ConnectionTrait,
    organization: &OrganizationId,
    changes: &[Change],
) -> Result<Option<ChatId>, StoreError> {
    let last: HashMap<_, _> = changes.iter().map(|change| (change.chat, change)).collect();
    for part in
        chunks::<chat::Entity, _>(last.into_values().filter(|change| change.kind != ChangeKind::Deleted).collect())
    {
        let ids = part.iter().map(|change| change.chat.to_bytes());
        let query = chat::Entity::find()
            .filter(chat::Column::Organization.eq(organization.as_str()))
            .filter(chat::Column::Id.is_in(ids))
            .select_only()
            .column(chat::Column::Id)
            .column(chat::Column::Revision)
            .into_tuple::<(Vec<u8>, i64)>();
        let revisions: HashMap<_, _> = query.all(tx).await?.into_iter().collect();
        for change in part {
            let stored = revisions.get(&change.chat.to_bytes());
            if stored.is_some_and(|revision| *revision != change.revision) {
                return Ok(Some(change.chat));
            }
        }
    }
    Ok(None)
}

/// Rejects changes after which a chat does not have the revision of its last change.
pub(super) async fn check_revisions(
    tx: &impl ConnectionTrait,
    organization: &OrganizationId,
    changes: &[Change],
) -> Result<(), StoreError> {
    match wrong_revision(tx, organization, changes).await? {
        None => Ok(()),
        Some(chat) => {
            error!(chat.id = %chat, "The chat's revision does not match its last change");
            Err(StoreError::Corrupt { table: "chat", column: "revision" })
        }
    }
}
