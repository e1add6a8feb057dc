//! The sandbox against the real client, one file a feature.

mod actions;
mod addresses;
mod companions;
mod conflict;
mod demo;
mod demo_program;
mod faults;
mod groups;
mod history;
mod http;
mod mappings;
mod messages;
mod numbers;
mod offline;
mod pairing;
mod peer;
mod pictures;
mod requests;
mod storage;
mod support;
