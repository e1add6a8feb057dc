//! The viewer in the schema.

pub(super) mod object;
pub(super) mod query;
