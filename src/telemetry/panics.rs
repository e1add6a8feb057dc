//! Panics in the log: as a line like any other, with the request it belongs to.

use std::panic;
use std::panic::PanicHookInfo;

use tracing::error;

/// Puts panics into the log from now on.
pub(super) fn log() {
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, ToString::to_string);
        error!(place, reason = reason(panic), "A panic");
    }));
}

/// Only what stands in the program: what a panic was made of at run time may be somebody's.
fn reason(panic: &PanicHookInfo<'_>) -> &'static str {
    panic.payload().downcast_ref::<&'static str>().unwrap_or(&"not told, as it may hold data")
}
