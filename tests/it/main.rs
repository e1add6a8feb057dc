//! All tests from outside, in one binary: one link instead of one per file.

mod access;
mod architecture;
mod backup;
mod capabilities;
mod changes;
mod chats;
mod deletion;
mod demo;
mod door;
mod graphiql;
mod keys;
mod kill;
mod listeners;
mod migrations;
mod program;
mod refusals;
mod restart;
mod retention;
mod session_changes;
mod sessions;
mod support;
mod tenancy;
mod updates;
