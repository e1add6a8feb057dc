//! Wiring: the only place where all parts meet. `run` carries out a command, `wire` builds the parts, `lifecycle` starts
//! and stops them, `demo` brings a sandbox along, `key` is about api-keys, `watch` and `figures` tell how the server is doing.

mod database;
mod demo;
mod event;
mod figures;
mod key;
mod lifecycle;
mod master_key;
mod open_files;
mod output;
mod run;
mod watch;
mod wire;

pub use run::Error;
pub use run::run;
