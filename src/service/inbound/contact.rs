//! Names of the people and groups behind chats.

use crate::domain::change::Origin;
use crate::domain::chat::ChatNames;
use crate::domain::chat::ChatPatch;
use crate::domain::jid::Jid;
use crate::session::SessionKey;
use crate::store::UnitOfWork;
use crate::store::error::StoreError;

use super::chat;
use super::chat::ChatLookup;

/// Removes the contact's name: the account's owner deleted the contact, and the chat falls back to its next best name.
pub(super) async fn removed(
    unit: &mut UnitOfWork<'_>,
    key: &SessionKey,
    jid: &Jid,
    now: i64,
) -> Result<(), StoreError> {
    let patch = ChatPatch { contact_removed: true, ..ChatPatch::default() };
    known(unit, key, jid, &patch, now, Origin::Device).await
}

/// Stores the verified name of a business.
pub(super) async fn business_named(
    unit: &mut UnitOfWork<'_>,
    key: &SessionKey,
    jid: &Jid,
    name: &str,
    now: i64,
) -> Result<(), StoreError> {
    let names = ChatNames { business: Some(name.to_owned()), ..ChatNames::default() };
    let patch = ChatPatch { names, ..ChatPatch::default() };
    known(unit, key, jid, &patch, now, Origin::Message).await
}

/// Applies `patch` to a chat or to its tombstone. A name alone does not create a chat.
async fn known(
    unit: &mut UnitOfWork<'_>,
    key: &SessionKey,
    jid: &Jid,
    patch: &ChatPatch,
    now: i64,
    origin: Origin,
) -> Result<(), StoreError> {
    match chat::lookup_chat(unit, key, jid, now).await? {
        ChatLookup::Chat(mut chat) => chat::apply_patch(unit, key, &mut chat, false, patch, now, origin).await,
        ChatLookup::Tombstone(tombstone) => chat::update_tombstone(unit, key, tombstone, patch, now, origin).await,
        ChatLookup::New(_) | ChatLookup::SessionGone => Ok(()),
    }
}
