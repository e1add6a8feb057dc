//! Authentication: verifies a bearer token and returns a viewer. Called by `http`, which passes the viewer to
//! `graphql`. `authenticator` distinguishes the kinds of tokens and verifies API keys, which `key_cache` holds for a
//! few seconds; `api_key_secret` generates and hashes them. `jwt` verifies JWTs against the public keys in `jwks`. To
//! add another kind of token, add a file here and a `Principal`.

pub mod api_key_secret;
pub mod authenticator;
mod config;
mod failed_token_limit;
pub mod imported_token;
mod jwks;
pub mod jwt;
pub mod key_cache;
mod key_usage;
pub mod root_certificates;
pub mod viewer;

pub use config::{Config, JwtConfig, LoginArgs};
