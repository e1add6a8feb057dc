//! Api-keys: the object, and what a caller may do with them.

mod connection;
pub(super) mod input;
pub(super) mod mutation;
pub(super) mod object;
pub(super) mod query;
