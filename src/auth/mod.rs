//! Who asks: turns a bearer token into a viewer. Called by `http`, which hands the viewer on to `graphql`. `token` tells
//! the kinds apart and knows api-keys, `login` the tokens of people, against the public keys in `jwks`. Another kind gets
//! a file of its own here and a `Principal`.

mod attempts;
pub mod import;
mod jwks;
pub mod login;
pub mod roots;
pub mod token;
mod uses;
pub mod viewer;
