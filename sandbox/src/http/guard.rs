//! Protection against web pages.
//!
//! A process that reaches the port can act as any phone, so only this machine may use it. Binding to loopback is not
//! enough. A page in a browser on this machine can send requests, and with DNS rebinding to 127.0.0.1 it can also read
//! the responses. The first case is visible in `Origin`, the second in `Host`.

use std::net::IpAddr;

use axum::{
    extract::Request,
    http::{HeaderValue, Uri, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::error::ApiError;

/// Returns 403 unless the request is addressed to this machine and has no foreign origin.
pub(super) async fn local_only(request: Request, next: Next) -> Response {
    // HTTP/2 has the host in the URI instead of the header.
    let host = request.headers().get(header::HOST).and_then(authority).or_else(|| request.uri().authority().cloned());
    if !host.is_some_and(|host| is_loopback(host.host())) {
        return ApiError::forbidden("forbidden_host", "The Host header must be a loopback address or localhost.")
            .into_response();
    }
    let origin = request.headers().get(header::ORIGIN);
    if !origin.is_none_or(|origin| origin_host(origin).is_some_and(|host| is_loopback(&host))) {
        return ApiError::forbidden("forbidden_origin", "Pages of other origins are not allowed.").into_response();
    }
    next.run(request).await
}

fn authority(value: &HeaderValue) -> Option<Authority> {
    value.to_str().ok()?.parse().ok()
}

fn origin_host(value: &HeaderValue) -> Option<String> {
    let origin: Uri = value.to_str().ok()?.parse().ok()?;
    origin.host().map(str::to_owned)
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || address.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}
