//! The composition root, the only module that depends on all others. `commands` runs a command, `build` builds the
//! components from `configs`, `lifecycle` starts and stops them, `demo` adds a sandbox, and `serve` has steps of both.
//! `api_key`, `organization`, `session`, `event` and `master_key` are commands; `readiness` and `metrics` provide
//! readiness and metrics; `check_config` and `warnings` check settings; `service_manager` notifies the service manager.

mod api_key;
mod build;
mod check_config;
mod commands;
mod configs;
mod database;
mod demo;
mod error;
mod event;
mod lifecycle;
mod master_key;
mod metrics;
mod open_files;
mod organization;
mod output;
mod process;
mod readiness;
mod serve;
mod service_manager;
mod session;
mod settings;
mod warnings;

pub use commands::run;
pub use error::{Error, USAGE_EXIT_CODE};
