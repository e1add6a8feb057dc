//! `/accounts/{phone}/groups`: the groups the owner is in.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};

use super::{body::Body, error::ApiError, phone};
use crate::{Sandbox, spec::Addressing};

/// A group that somebody makes, or takes the owner into.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewGroup {
    jid: String,
    subject: String,
    /// The members' numbers; the owner's need not be among them.
    #[serde(default)]
    participants: Vec<String>,
    /// How its members are addressed: `pn`, or `lid`.
    #[serde(default)]
    addressing_mode: Addressing,
    /// Whose doing it is: a number; the owner's without.
    by: Option<String>,
}

/// What happens to a group: at least one of the first three.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupChange {
    subject: Option<String>,
    /// The numbers of who comes.
    #[serde(default)]
    added: Vec<String>,
    /// The numbers of who goes.
    #[serde(default)]
    removed: Vec<String>,
    /// Whose doing it is: a number; the owner's without.
    by: Option<String>,
}

/// Which group.
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
        let message = format!("A participant is a number, or in a group by LID a …@lid, not {name:?}.");
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
    let GroupChange { subject, added, removed, by } = change;
    if subject.as_ref().map_or(added.is_empty() && removed.is_empty(), |subject| subject.trim().is_empty()) {
        let message = "Give at least one of subject, added and removed; a subject is not empty.";
        return Err(ApiError::unprocessable("invalid_body", message));
    }
    let by = by.as_deref().unwrap_or(&number);
    if let Some(subject) = subject {
        phone.rename_group(&jid, &subject, by).await?;
    }
    if !added.is_empty() {
        phone.change_members(&jid, &added, true, by).await?;
    }
    if !removed.is_empty() {
        phone.change_members(&jid, &removed, false, by).await?;
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
