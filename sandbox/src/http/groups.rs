//! `/accounts/{phone}/groups`: the groups the owner is in.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};

use super::{
    chats::present,
    error::ApiError,
    request::{Body, phone},
};
use crate::{Sandbox, spec::Addressing};

/// A group that is created, or that the owner is added to.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewGroup {
    jid: String,
    subject: String,
    /// The members' numbers; the owner's need not be among them.
    #[serde(default)]
    participants: Vec<String>,
    /// Addressing mode of its members: `pn`, or `lid`.
    #[serde(default)]
    addressing_mode: Addressing,
    /// Number of the person who does this; absent: the owner.
    by: Option<String>,
}

/// Changes of a group: at least one of these besides `by`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupChange {
    subject: Option<String>,
    /// Numbers of new members.
    #[serde(default)]
    added: Vec<String>,
    /// Numbers of removed members.
    #[serde(default)]
    removed: Vec<String>,
    /// Numbers of members who become admins.
    #[serde(default)]
    promoted: Vec<String>,
    /// Numbers of admins who become members.
    #[serde(default)]
    demoted: Vec<String>,
    /// The description; null removes it.
    #[serde(default, deserialize_with = "present")]
    #[expect(clippy::option_option, reason = "absent differs from null")]
    description: Option<Option<String>>,
    /// Number of the person who does this; absent: the owner.
    by: Option<String>,
}

/// JID of a group.
#[derive(Debug, Serialize)]
pub(super) struct Named {
    jid: String,
}

pub(super) async fn enter(
    State(sandbox): State<Sandbox>,
    Path(number): Path<String>,
    Body(group): Body<NewGroup>,
) -> Result<(StatusCode, Json<Named>), ApiError> {
    let phone = phone(&sandbox, &number)?;
    let NewGroup { jid, subject, participants, addressing_mode, by } = group;
    if subject.trim().is_empty() {
        return Err(ApiError::unprocessable("invalid_body", "subject must not be empty"));
    }
    if let Some(name) = participants.iter().find(|name| !is_member(name, addressing_mode)) {
        let message = format!("A participant must be a number, or …@lid in a group addressed by LID, not {name:?}.");
        return Err(ApiError::unprocessable("invalid_body", message));
    }
    let by = by.as_deref().unwrap_or(&number);
    phone.enter_group_by(&jid, &subject, &participants, addressing_mode, by).await?;
    Ok((StatusCode::CREATED, Json(Named { jid })))
}

pub(super) async fn change(
    State(sandbox): State<Sandbox>,
    Path((number, jid)): Path<(String, String)>,
    Body(change): Body<GroupChange>,
) -> Result<Json<Named>, ApiError> {
    let phone = phone(&sandbox, &number)?;
    let GroupChange { subject, added, removed, promoted, demoted, description, by } = change;
    let no_members = [&added, &removed, &promoted, &demoted].into_iter().all(Vec::is_empty);
    let nothing = no_members && subject.is_none() && description.is_none();
    let texts = [subject.as_ref(), description.as_ref().and_then(Option::as_ref)];
    if nothing || texts.into_iter().flatten().any(|text| text.trim().is_empty()) {
        let message =
            "Send at least one of subject, description, added, removed, promoted and demoted; texts must not be empty.";
        return Err(ApiError::unprocessable("invalid_body", message));
    }
    let by = by.as_deref().unwrap_or(&number);
    if let Some(subject) = subject {
        phone.rename_group(&jid, &subject, by).await?;
    }
    if let Some(text) = description {
        phone.describe_group(&jid, text.as_deref(), by).await?;
    }
    if !added.is_empty() {
        phone.change_members(&jid, &added, true, by).await?;
    }
    if !removed.is_empty() {
        phone.change_members(&jid, &removed, false, by).await?;
    }
    if !promoted.is_empty() {
        phone.appoint(&jid, &promoted, true, by).await?;
    }
    if !demoted.is_empty() {
        phone.appoint(&jid, &demoted, false, by).await?;
    }
    Ok(Json(Named { jid }))
}

fn is_member(name: &str, addressing: Addressing) -> bool {
    let (user, lengths) = match name.strip_suffix("@lid") {
        Some(user) if addressing == Addressing::Lid => (user, 15..=15),
        _ => (name, 7..=15),
    };
    lengths.contains(&user.len()) && user.bytes().all(|byte| byte.is_ascii_digit())
}
