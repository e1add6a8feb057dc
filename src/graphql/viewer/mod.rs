//! Who asks, as the caller sees it.

pub(super) mod object;
pub(super) mod query;
