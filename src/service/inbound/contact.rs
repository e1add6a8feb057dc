//! Names of the people and groups behind chats.

use super::context::{ChatLookup, InboundContext, StoredChat};
use crate::{
    domain::{
        chat::{ChatNames, ChatPatch},
        jid::{Jid, JidKind},
    },
    store::error::StoreError,
};

/// Removes the contact's name: the user deleted the contact, and the chat falls back to its next best name.
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

/// Applies the name of a saved contact or a group's new subject. A chat without a message is stored, too, so that its
/// name and settings are there when it gets one.
pub(in crate::service) async fn named(
    cx: &mut InboundContext<'_, '_>,
    jid: &Jid,
    name: &str,
) -> Result<(), StoreError> {
    let address = Some((jid.clone(), 0));
    let patch = ChatPatch { names: names_from_history(jid, Some(name.to_owned())), address, ..ChatPatch::default() };
    let found = match cx.lookup_chat(jid).await? {
        ChatLookup::Chat(chat) => StoredChat::existing(chat),
        ChatLookup::New(chat) => StoredChat { chat, is_new: true },
        ChatLookup::Tombstone(tombstone) => {
            return cx.update_tombstone(tombstone, &patch).await;
        }
        ChatLookup::SessionGone => return Ok(()),
    };
    cx.apply(found, &patch).await
}

/// Assigns a name to a group's subject or to a contact's name, by the kind of address.
pub(in crate::service) fn names_from_history(jid: &Jid, name: Option<String>) -> ChatNames {
    match jid.kind() {
        JidKind::PhoneNumber | JidKind::Lid | JidKind::Bot | JidKind::Interop | JidKind::Messenger => {
            ChatNames { contact: name, ..ChatNames::default() }
        }
        _ => ChatNames { subject: name, ..ChatNames::default() },
    }
}
