//! Claims of a login token: validates them and derives the viewer.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::jwt_error::JwtError;
use crate::{
    auth::{
        config::{Claims, JwtConfig},
        viewer::{Principal, Viewer},
    },
    domain::{
        capability::{Capabilities, Capability},
        clock::FOREVER,
        id::OrganizationId,
    },
};

/// Allowed clock skew between issuer and server, in milliseconds.
const LEEWAY_MS: i64 = 30_000;
/// Maximum length of a user's id, in bytes.
const MAX_SUBJECT_LEN: usize = 255;

/// Returns the viewer of the claims if they are valid at `now`, in milliseconds.
pub(super) fn viewer(claims: &Map<String, Value>, config: &JwtConfig, now: i64) -> Result<Viewer, JwtError> {
    if claims.get("iss").and_then(Value::as_str) != Some(&*config.issuer) {
        return Err(JwtError::Issuer);
    }
    if !has_audience(claims.get("aud"), &config.audiences) {
        return Err(JwtError::Audience);
    }
    let ends = time_ms(claims.get("exp").ok_or(JwtError::Expiry)?).ok_or(JwtError::Expiry)?;
    // RFC 7519: a token is rejected "on or after" its expiry.
    let expires_at = ends.saturating_add(LEEWAY_MS).saturating_sub(1).min(FOREVER);
    if now > expires_at {
        return Err(JwtError::Expired);
    }
    if let Some(from) = claims.get("nbf") {
        let from = time_ms(from).ok_or(JwtError::NotBefore)?;
        if now < from.saturating_sub(LEEWAY_MS) {
            return Err(JwtError::NotBefore);
        }
    }
    let subject = claims.get("sub").and_then(Value::as_str).filter(|id| (1..=MAX_SUBJECT_LEN).contains(&id.len()));
    let subject = subject.ok_or(JwtError::Subject)?;
    let organization = organization(claims.get(&config.claims.organization))?;
    let role = |claim: &str| claims.get(claim).and_then(Value::as_str);
    let (role, capabilities) =
        role_permissions(&config.claims, role(&config.claims.organization_role), role(&config.claims.platform_role));
    Ok(Viewer {
        capabilities: if organization.is_some() { capabilities } else { Capabilities::default() },
        organization,
        principal: Principal::User { id: subject.into(), role: role.map(Arc::from) },
        expires_at: Some(expires_at),
    })
}

/// Returns whether one of the audiences, a string or an array, is ours.
fn has_audience(audience: Option<&Value>, ours: &[String]) -> bool {
    let is_ours = |value: &Value| value.as_str().is_some_and(|text| ours.iter().any(|own| own == text));
    match audience {
        Some(Value::Array(several)) => several.iter().all(Value::is_string) && several.iter().any(is_ours),
        Some(one) => is_ours(one),
        None => false,
    }
}

/// Converts a time in seconds, possibly fractional, to milliseconds.
fn time_ms(value: &Value) -> Option<i64> {
    if let Some(seconds) = value.as_i64() {
        return Some(seconds.saturating_mul(1_000)).filter(|at| *at >= 0);
    }
    let seconds = value.as_f64().filter(|seconds| *seconds >= 0.0 && seconds.is_finite())?;
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and no valid time is that large")]
    Some((seconds * 1_000.0) as i64)
}

/// Returns the user's organization; `None` if the token names none.
fn organization(claim: Option<&Value>) -> Result<Option<OrganizationId>, JwtError> {
    match claim {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(id)) => id.parse().map(Some).map_err(|_| JwtError::Organization),
        Some(_) => Err(JwtError::Organization),
    }
}

/// Returns the effective role and its permissions in an organization.
fn role_permissions<'a>(
    claims: &Claims,
    in_organization: Option<&'a str>,
    on_platform: Option<&'a str>,
) -> (Option<&'a str>, Capabilities) {
    let is_one_of = |role: Option<&str>, roles: &[String]| role.is_some_and(|role| roles.iter().any(|own| own == role));
    if is_one_of(in_organization, &claims.admin_roles) {
        return (in_organization, Capabilities::all());
    }
    if is_one_of(on_platform, &claims.platform_admin_roles) {
        return (on_platform, Capabilities::all());
    }
    if is_one_of(in_organization, &claims.member_roles) {
        return (in_organization, Capabilities::all() - Capability::Manage);
    }
    (in_organization, Capabilities::default())
}

#[cfg(test)]
mod tests;
