//! The JSON interface on loopback, with which any script can act as the phone.
//!
//! There is one file per resource. `request` finds the phone and parses bodies, `error` has the error responses,
//! `guard` rejects web pages. A new route is added here, to the summary in `summary.txt` and to `HTTP.md`.

mod accounts;
mod calls;
mod chats;
mod companions;
mod contacts;
mod error;
mod faults;
mod groups;
mod guard;
mod keys;
mod log;
mod mappings;
mod messages;
mod pictures;
mod privacy;
mod receipts;
mod request;
mod scan;
mod settings;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{Method, Uri},
    middleware,
    routing::{get, post},
};

use crate::Sandbox;
use error::ApiError;
use request::MAX_BODY_BYTES;

/// The routes of the interface.
pub fn router(sandbox: Sandbox) -> Router {
    Router::new()
        .route("/", get(summary))
        .route("/accounts", get(accounts::list).post(accounts::create))
        .route("/accounts/{phone}/chats", get(chats::list))
        .route("/accounts/{phone}/chats/{jid}", post(chats::change))
        .route("/accounts/{phone}/chats/{jid}/messages", get(chats::messages))
        .route("/accounts/{phone}/scan", post(scan::scan))
        .route("/accounts/{phone}/messages", post(messages::receive))
        .route("/accounts/{phone}/messages/{id}", post(messages::change))
        .route("/accounts/{phone}/enter", post(scan::enter))
        .route("/accounts/{phone}/unlink", post(companions::unlink))
        .route("/accounts/{phone}/end", post(companions::end))
        .route("/accounts/{phone}/contacts", post(contacts::change))
        .route("/accounts/{phone}/numbers", post(contacts::give_number))
        .route("/accounts/{phone}/groups", post(groups::enter))
        .route("/accounts/{phone}/groups/{jid}", post(groups::change))
        .route("/accounts/{phone}/calls", get(calls::list).post(calls::ring))
        .route("/accounts/{phone}/calls/{id}", post(calls::change))
        .route("/accounts/{phone}/mappings", post(mappings::learn))
        .route("/accounts/{phone}/keys", post(keys::renew))
        .route("/accounts/{phone}/keys/share", post(keys::share))
        .route("/accounts/{phone}/pictures", post(pictures::set))
        .route("/accounts/{phone}/privacy", get(privacy::show).post(privacy::set))
        .route("/accounts/{phone}/settings", post(settings::set))
        .route("/accounts/{phone}/receipts", post(receipts::read))
        .route("/faults", post(faults::inject).delete(faults::forget))
        .route("/log", get(log::list))
        .fallback(unknown_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn(guard::local_only))
        .with_state(sandbox)
}

async fn summary() -> &'static str {
    include_str!("http/summary.txt")
}

async fn unknown_route(uri: Uri) -> ApiError {
    ApiError::not_found("unknown_route", format!("There is nothing at {}; GET / lists the routes.", uri.path()))
}

async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    ApiError::method_not_allowed(format!("{} does not support {method}; GET / lists the routes.", uri.path()))
}
