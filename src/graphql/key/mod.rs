//! Api-keys: the object, and what a caller may do with them.

pub(super) mod input;
pub(super) mod mutation;
pub(super) mod object;
pub(super) mod query;
