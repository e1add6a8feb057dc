//! Wiring: the only place where all parts meet. `run` carries out a command, `wire` builds the parts, `lifecycle` starts
//! and stops them, `demo` brings a sandbox along.

mod demo;
mod lifecycle;
mod run;
mod wire;

pub use run::Error;
pub use run::run;
