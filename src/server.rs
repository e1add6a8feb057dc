//! The composition root, the only module that depends on all others. `run` runs a command, `wire` builds the
//! components, `lifecycle` starts and stops them, `demo` adds a sandbox. `key`, `organization`, `session`, `event` and
//! `master_key` are commands; `watch` and `figures` provide readiness and metrics; `check_config` and `warnings` check
//! settings; `notify` notifies the service manager.

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
