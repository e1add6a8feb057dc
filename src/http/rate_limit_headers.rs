//! Rate limits over HTTP: the headers of draft-ietf-httpapi-ratelimit-headers on every response, and 429 with
//! `Retry-After` if a whole request was rejected.

use std::time::Duration;

use async_graphql::{Response as Answer, Value};
use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header::RETRY_AFTER},
    response::Response,
};

use super::state::HttpState;
use crate::graphql::{Caller, error::ApiErrorCode, was_executed};

const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Names of the policies: the client's own, and that of its organization.
const POLICY_NAMES: [&str; 2] = ["cost", "organization"];

/// Adds the current state of the rate limits of the client and its organization, if they have any.
pub(super) fn add_headers(mut response: Response, http: &HttpState, caller: &Caller) -> Response {
    let allowances = POLICY_NAMES.into_iter().zip(http.parts.api.rate_limits(&caller.viewer));
    let (mut policies, mut standings) = (Vec::new(), Vec::new());
    for (name, (rate, standing)) in allowances.filter_map(|(name, allowance)| Some((name, allowance?))) {
        let window = (u128::from(rate.burst) * 60).div_ceil(u128::from(rate.per_minute.max(1)));
        let full_in = standing.full_in_ms.div_ceil(1_000);
        policies.push(format!("\"{name}\";q={};w={window}", rate.burst));
        standings.push(format!("\"{name}\";r={};t={full_in}", standing.left));
    }
    if !policies.is_empty() {
        let headers = response.headers_mut();
        headers.insert(RATE_LIMIT_POLICY, value(&policies.join(", ")));
        headers.insert(RATE_LIMIT, value(&standings.join(", ")));
    }
    response
}

/// Sets status 429 and `Retry-After` if all operations were rejected by a rate limit.
pub(super) fn into_too_many_requests(mut response: Response, answers: &[Answer]) -> Response {
    let waits: Option<Vec<Duration>> = answers.iter().map(retry_after).collect();
    if let Some(longest) = waits.and_then(|waits| waits.into_iter().max()) {
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        response.headers_mut().insert(RETRY_AFTER, seconds(longest).into());
    }
    response
}

/// Returns the time to wait if this operation was rejected by a rate limit.
fn retry_after(answer: &Answer) -> Option<Duration> {
    let extensions = answer.errors.first()?.extensions.as_ref()?;
    let limited = extensions.get("code") == Some(&ApiErrorCode::RateLimited.as_str().into());
    let Value::Number(wait_ms) = extensions.get("retryAfterMs")? else { return None };
    (limited && !was_executed(answer)).then(|| wait_ms.as_u64().map(Duration::from_millis))?
}

/// Converts to whole seconds for `Retry-After`, rounded up.
pub(super) fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("numbers and constant names")
}
