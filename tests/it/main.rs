//! All tests from outside, in one binary: one link instead of one per file.

mod access;
mod architecture;
mod backup;
mod bad_input;
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
mod lists;
mod migrations;
mod program;
mod refusals;
mod restart;
mod retention;
mod session_changes;
mod sessions;
mod statements;
mod support;
mod tenancy;
mod updates;
