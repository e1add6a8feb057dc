//! Calls in the schema.

pub(super) mod input;
pub(super) mod mutation;
pub(super) mod object;
pub(super) mod subscription;
