//! API keys: the object, its connection, query and mutations.

mod connection;
pub(super) mod input;
pub(super) mod mutation;
pub(super) mod object;
pub(super) mod query;
