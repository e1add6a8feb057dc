//! `/accounts`: the accounts and their phones.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    error::ApiError,
    request::{Body, invalid},
};
use crate::{AccountSpec, Phone, Sandbox, clock, demo};

/// An account as the interface shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AccountView {
    phone: String,
    jid: String,
    lid: String,
    /// Number of paired companions.
    companions: usize,
    /// Their device numbers.
    devices: Vec<u16>,
    /// Number of chats that the phone shows.
    chats: usize,
}

impl From<&Phone> for AccountView {
    fn from(phone: &Phone) -> Self {
        Self {
            phone: phone.number().to_owned(),
            jid: phone.jid(),
            lid: phone.lid(),
            companions: phone.companions(),
            devices: phone.devices(),
            chats: phone.chats().len(),
        }
    }
}

/// The alternative body that creates a demo account.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DemoAccount {
    phone: Option<String>,
    #[serde(rename = "demo")]
    _demo: bool,
}

pub(super) async fn list(State(sandbox): State<Sandbox>) -> Json<Vec<AccountView>> {
    Json(sandbox.accounts().iter().map(AccountView::from).collect())
}

pub(super) async fn create(
    State(sandbox): State<Sandbox>,
    Body(body): Body<Value>,
) -> Result<(StatusCode, Json<AccountView>), ApiError> {
    let phone = sandbox.create_account(spec(body)?)?;
    Ok((StatusCode::CREATED, Json(AccountView::from(&phone))))
}

fn spec(mut body: Value) -> Result<AccountSpec, ApiError> {
    if body.get("demo") == Some(&Value::Bool(true)) {
        let requested: DemoAccount = serde_json::from_value(body).map_err(|error| invalid(&error))?;
        return Ok(demo::account(requested.phone.as_deref(), clock::now_ms()));
    }
    if let Some(fields) = body.as_object_mut()
        && fields.get("demo") == Some(&Value::Bool(false))
    {
        fields.remove("demo");
    }
    serde_json::from_value(body).map_err(|error| invalid(&error))
}
