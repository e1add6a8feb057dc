//! Names of the people and groups behind chats.

use crate::domain::chat::ChatNames;
use crate::domain::chat::ChatPatch;
use crate::domain::jid::Jid;
use crate::store::error::StoreError;

use super::context::ChatLookup;
use super::context::InboundContext;
use super::context::StoredChat;

/// Removes the contact's name: the account's owner deleted the contact, and the chat falls back to its next best name.
pub(super) async fn removed(cx: &mut InboundContext<'_, '_>, jid: &Jid) -> Result<(), StoreError> {
    let patch = ChatPatch { contact_removed: true, ..ChatPatch::default() };
    known(cx, jid, &patch).await
}

/// Stores the verified name of a business.
pub(super) async fn business_named(cx: &mut InboundContext<'_, '_>, jid: &Jid, name: &str) -> Result<(), StoreError> {
    let names = ChatNames { business: Some(name.to_owned()), ..ChatNames::default() };
    let patch = ChatPatch { names, ..ChatPatch::default() };
    known(cx, jid, &patch).await
}

/// Applies `patch` to a chat or to its tombstone. A name alone does not create a chat.
async fn known(cx: &mut InboundContext<'_, '_>, jid: &Jid, patch: &ChatPatch) -> Result<(), StoreError> {
    match cx.lookup_chat(jid).await? {
        ChatLookup::Chat(chat) => cx.apply(StoredChat::existing(chat), patch).await,
        ChatLookup::Tombstone(tombstone) => cx.update_tombstone(tombstone, patch).await,
        ChatLookup::New(_) | ChatLookup::SessionGone => Ok(()),
    }
}
