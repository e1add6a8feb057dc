//! Authentication: verifies a bearer token and returns a viewer. Called by `http`, which passes the viewer to
//! `graphql`. `token` distinguishes the kinds of tokens and verifies API keys; `login` verifies JWTs against the public
//! keys in `jwks`. To add another kind of token, add a file here and a `Principal`.

mod attempts;
pub mod import;
mod jwks;
pub mod login;
pub mod roots;
pub mod token;
mod uses;
pub mod viewer;
