//! Who asks: turns a bearer token into a viewer.

pub mod token;
pub mod viewer;
