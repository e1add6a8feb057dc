//! Logs panics in the format of other events, with the request's span.

use std::{panic, panic::PanicHookInfo};

use tracing::error;

/// Installs the panic hook.
pub(super) fn log() {
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, ToString::to_string);
        error!(place, reason = reason(panic), "Panic");
    }));
}

/// Returns the message of a panic only if it is a constant: a formatted message can contain private data.
fn reason(panic: &PanicHookInfo<'_>) -> &'static str {
    panic.payload().downcast_ref::<&'static str>().unwrap_or(&"hidden, as it may contain private data")
}
