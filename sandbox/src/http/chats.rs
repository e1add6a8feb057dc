//! `/accounts/{phone}/chats`: what the phone shows, and the hand that changes it.

use axum::{
    Json,
    extract::{Path, State},
};
use serde::{Deserialize, Deserializer};

use super::{body::Body, error::ApiError, phone};
use crate::{ChatView, FOREVER, Phone, Sandbox};

/// What shall change in a chat. At least one field is there; the others stay as they are.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ChatChange {
    archived: Option<bool>,
    pinned: Option<bool>,
    /// An instant in milliseconds since the Unix epoch; null ends the mute.
    #[serde(default, deserialize_with = "present")]
    #[expect(clippy::option_option, reason = "absent and null differ")]
    muted_until: Option<Option<i64>>,
    read: Option<bool>,
    deleted: Option<bool>,
    cleared: Option<bool>,
}

/// Tells null (`Some(None)`) from absent (`None`).
#[expect(clippy::option_option, reason = "absent and null differ")]
fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<i64>>, D::Error> {
    Deserialize::deserialize(value).map(Some)
}

impl ChatChange {
    fn check(&self) -> Result<(), ApiError> {
        if self.deleted.is_some() {
            return Err(ApiError::not_implemented("deleting a chat"));
        }
        if self.cleared.is_some() {
            return Err(ApiError::not_implemented("clearing a chat"));
        }
        if self.archived.is_none() && self.pinned.is_none() && self.muted_until.is_none() && self.read.is_none() {
            let message = "Give at least one of archived, pinned, mutedUntil and read.";
            return Err(ApiError::unprocessable("invalid_body", message));
        }
        if self.muted_until.flatten().is_some_and(|until| until <= 0) {
            let message = format!("mutedUntil is an instant in milliseconds, {FOREVER} for ever, null to unmute.");
            return Err(ApiError::unprocessable("invalid_body", message));
        }
        Ok(())
    }

    /// Archive before pin: archiving unpins, and who asks for both wants both.
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
        Ok(())
    }
}

pub(super) async fn list(
    State(sandbox): State<Sandbox>,
    Path(number): Path<String>,
) -> Result<Json<Vec<ChatView>>, ApiError> {
    Ok(Json(phone(&sandbox, &number)?.chats()))
}

pub(super) async fn change(
    State(sandbox): State<Sandbox>,
    Path((number, jid)): Path<(String, String)>,
    Body(change): Body<ChatChange>,
) -> Result<Json<ChatView>, ApiError> {
    let phone = phone(&sandbox, &number)?;
    let jid = find(&phone, &jid)?.jid;
    change.check()?;
    change.apply(&phone, &jid).await?;
    find(&phone, &jid).map(Json)
}

/// The chat that the phone shows under this JID, or under another one of the same person.
fn find(phone: &Phone, jid: &str) -> Result<ChatView, ApiError> {
    let mut chats = phone.chats().into_iter();
    chats
        .find(|chat| chat.jid == jid || chat.aliases.iter().any(|alias| alias == jid))
        .ok_or_else(|| crate::Error::UnknownChat(jid.to_owned()).into())
}
