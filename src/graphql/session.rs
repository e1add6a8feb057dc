//! Sessions: the object, its connection, queries, mutations and subscription.

pub(super) mod connection;
pub(super) mod input;
pub(super) mod mutation;
pub(super) mod object;
pub(super) mod pairing;
mod plain;
pub(super) mod query;
pub(super) mod subscription;
