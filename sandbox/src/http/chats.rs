//! `/accounts/{phone}/chats`: chats as the phone shows them, and changes by the owner.

use axum::{
    Json,
    extract::{Path, State},
};
use serde::{Deserialize, Deserializer};

use super::{
    error::ApiError,
    request::{Body, phone},
};
use crate::{ChatView, FOREVER, MessageView, Phone, Sandbox};

/// Changes of a chat. At least one field is required; absent fields leave the setting as it is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ChatChange {
    archived: Option<bool>,
    pinned: Option<bool>,
    /// A time in milliseconds since the Unix epoch; null ends the mute.
    #[serde(default, deserialize_with = "present")]
    #[expect(clippy::option_option, reason = "absent differs from null")]
    muted_until: Option<Option<i64>>,
    read: Option<bool>,
    locked: Option<bool>,
    deleted: Option<bool>,
    cleared: Option<bool>,
    /// Id of the last message that is deleted or cleared; absent: all messages.
    up_to: Option<String>,
}

/// Distinguishes null (`Some(None)`) from absent (`None`).
#[expect(clippy::option_option, reason = "absent differs from null")]
pub(super) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(value: D) -> Result<Option<Option<T>>, D::Error> {
    Deserialize::deserialize(value).map(Some)
}

impl ChatChange {
    fn check(&self) -> Result<(), ApiError> {
        let invalid = |message: &str| Err(ApiError::unprocessable("invalid_body", message));
        let flags = [self.archived, self.pinned, self.read, self.locked, self.deleted, self.cleared];
        if flags.iter().all(Option::is_none) && self.muted_until.is_none() {
            return invalid("Send at least one of archived, pinned, mutedUntil, read, locked, deleted and cleared.");
        }
        if self.deleted == Some(false) || self.cleared == Some(false) {
            return invalid("deleted and cleared can only be true.");
        }
        if self.up_to.is_some() && self.deleted.or(self.cleared).is_none() {
            return invalid("upTo is only valid with deleted or cleared.");
        }
        if self.muted_until.flatten().is_some_and(|until| until <= 0) {
            let message =
                format!("mutedUntil must be a time in milliseconds, {FOREVER} for no end, or null to unmute.");
            return Err(ApiError::unprocessable("invalid_body", message));
        }
        Ok(())
    }

    /// Archives before pinning: archiving unpins, and a request for both wants both.
    async fn apply(&self, phone: &Phone, jid: &str) -> Result<(), crate::Error> {
        if let Some(archived) = self.archived {
            phone.archive(jid, archived).await?;
        }
        if let Some(pinned) = self.pinned {
            phone.pin(jid, pinned).await?;
        }
        if let Some(until) = self.muted_until {
            phone.mute(jid, until).await?;
        }
        if let Some(read) = self.read {
            phone.mark_read(jid, read).await?;
        }
        if let Some(locked) = self.locked {
            phone.lock(jid, locked).await?;
        }
        if self.cleared.is_some() {
            phone.clear(jid, self.up_to.as_deref()).await?;
        }
        if self.deleted.is_some() {
            phone.delete(jid, self.up_to.as_deref()).await?;
        }
        Ok(())
    }
}

pub(super) async fn list(
    State(sandbox): State<Sandbox>,
    Path(number): Path<String>,
) -> Result<Json<Vec<ChatView>>, ApiError> {
    Ok(Json(phone(&sandbox, &number)?.chats()))
}

pub(super) async fn messages(
    State(sandbox): State<Sandbox>,
    Path((number, jid)): Path<(String, String)>,
) -> Result<Json<Vec<MessageView>>, ApiError> {
    Ok(Json(phone(&sandbox, &number)?.messages(&jid)?))
}

pub(super) async fn change(
    State(sandbox): State<Sandbox>,
    Path((number, jid)): Path<(String, String)>,
    Body(change): Body<ChatChange>,
) -> Result<Json<Option<ChatView>>, ApiError> {
    let phone = phone(&sandbox, &number)?;
    let jid = find(&phone, &jid).ok_or(crate::Error::UnknownChat(jid))?.jid;
    change.check()?;
    change.apply(&phone, &jid).await?;
    Ok(Json(find(&phone, &jid)))
}

/// Returns the chat with this JID, or with another one of the same person.
fn find(phone: &Phone, jid: &str) -> Option<ChatView> {
    let mut chats = phone.chats().into_iter();
    chats.find(|chat| chat.jid == jid || chat.aliases.iter().any(|alias| alias == jid))
}
