//! The sandbox against the real client, one file a feature.

mod actions;
mod conflict;
mod history;
mod messages;
mod offline;
mod pairing;
mod support;
