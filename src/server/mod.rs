//! Wiring: the only place where all parts meet. `run` carries out a command, `wire` builds the parts, `lifecycle` starts
//! and stops them, `demo` brings a sandbox along, `key` is about api-keys, `organization` and `session` list and delete,
//! `watch` and `figures` tell how the server is doing, `check_config` and `warnings` look at settings, and `notify` informs
//! the service manager.

mod check_config;
mod database;
mod demo;
mod event;
mod figures;
mod key;
mod lifecycle;
mod master_key;
mod notify;
mod open_files;
mod organization;
mod output;
mod process;
mod run;
mod session;
mod warnings;
mod watch;
mod wire;

pub use run::Error;
pub use run::USAGE;
pub use run::run;
