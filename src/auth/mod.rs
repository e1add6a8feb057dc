//! Who asks: turns a bearer token into a viewer. Called by `http`, which hands the viewer on to `graphql`. Another kind
//! of token gets a file of its own here and a `Principal`.

pub mod import;
pub mod token;
pub mod viewer;
