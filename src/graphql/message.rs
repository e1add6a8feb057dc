//! Messages.

pub(super) mod connection;
pub(super) mod object;
mod plain;
