//! Chats: the object, its connection, changes, mutations and subscription.

pub(super) mod change;
pub(super) mod connection;
pub(super) mod enums;
pub(super) mod filter;
pub(super) mod input;
pub(super) mod mutation;
pub(super) mod object;
mod plain;
pub(super) mod query;
pub(super) mod subscription;
pub(super) mod sync;
