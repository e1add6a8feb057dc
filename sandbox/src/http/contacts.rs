//! `/accounts/{phone}/contacts`: the people around the owner.

use std::ops::RangeInclusive;

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
use crate::Sandbox;

/// Changes of a person: at least one more field.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ContactChange {
    /// The person's number.
    phone: String,
    /// The name in the owner's address book; null removes the person from it.
    #[serde(default, deserialize_with = "present")]
    #[expect(clippy::option_option, reason = "absent differs from null")]
    name: Option<Option<String>>,
    /// The name that the person chose.
    push_name: Option<String>,
    /// The business name verified by WhatsApp.
    business_name: Option<String>,
    /// True if the owner blocks the person.
    blocked: Option<bool>,
    /// The person's new number.
    new_phone: Option<String>,
    /// The person's new LID, 15 digits; only with a new number.
    new_lid: Option<String>,
}

/// The changed person.
#[derive(Debug, Serialize)]
pub(super) struct Changed {
    phone: String,
}

pub(super) async fn change(
    State(sandbox): State<Sandbox>,
    Path(number): Path<String>,
    Body(change): Body<ContactChange>,
) -> Result<Json<Changed>, ApiError> {
    let phone = phone(&sandbox, &number)?;
    let ContactChange { phone: who, name, push_name, business_name, blocked, new_phone, new_lid } = change;
    let texts = [name.as_ref().and_then(Option::as_ref), push_name.as_ref(), business_name.as_ref()];
    let names = name.is_some() || push_name.is_some() || business_name.is_some();
    let nothing = !names && blocked.is_none() && new_phone.is_none();
    if nothing || texts.into_iter().flatten().any(|text| text.trim().is_empty()) {
        let message =
            "Send at least one of name, pushName, businessName, blocked and newPhone; names must not be empty.";
        return Err(ApiError::unprocessable("invalid_body", message));
    }
    if new_phone.as_ref().is_some_and(|new| !is_digits(new, 7..=15)) {
        return Err(ApiError::unprocessable("invalid_body", "newPhone must be a number of 7 to 15 digits."));
    }
    if new_lid.as_ref().is_some_and(|lid| new_phone.is_none() || !is_digits(lid, 15..=15)) {
        return Err(ApiError::unprocessable(
            "invalid_body",
            "newLid must be 15 digits, and is only valid with newPhone.",
        ));
    }
    if let Some(name) = name {
        phone.save_contact(&who, name.as_deref()).await?;
    }
    if let Some(name) = push_name {
        phone.push_name(&who, &name).await?;
    }
    if let Some(name) = business_name {
        phone.verify_business(&who, &name).await?;
    }
    if let Some(blocked) = blocked {
        phone.block(&who, blocked).await?;
    }
    let Some(new) = new_phone else { return Ok(Json(Changed { phone: who })) };
    phone.change_addresses(&who, &new, new_lid.as_deref()).await?;
    Ok(Json(Changed { phone: new }))
}

/// A free number and its new owner.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Newcomer {
    /// The number.
    phone: String,
    /// The user part of the LID, 15 digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    lid: Option<String>,
    /// The name that the person chose.
    #[serde(skip_serializing_if = "Option::is_none")]
    push_name: Option<String>,
}

pub(super) async fn give_number(
    State(sandbox): State<Sandbox>,
    Path(number): Path<String>,
    Body(newcomer): Body<Newcomer>,
) -> Result<(StatusCode, Json<Newcomer>), ApiError> {
    let phone = phone(&sandbox, &number)?;
    let Newcomer { phone: new, lid, push_name } = &newcomer;
    let lid_fits = lid.as_ref().is_none_or(|lid| is_digits(lid, 15..=15));
    if !is_digits(new, 7..=15) || !lid_fits || push_name.as_ref().is_some_and(|name| name.trim().is_empty()) {
        let message = "phone must be 7 to 15 digits, lid 15 digits, and pushName must not be empty.";
        return Err(ApiError::unprocessable("invalid_body", message));
    }
    phone.give_number(new, lid.as_deref(), push_name.as_deref()).await?;
    Ok((StatusCode::CREATED, Json(newcomer)))
}

fn is_digits(text: &str, lengths: RangeInclusive<usize>) -> bool {
    lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}
