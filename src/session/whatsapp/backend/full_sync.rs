//! A fetch that starts over. The library reads a collection's version at the start of a fetch, with exclusive access to
//! the collection: that read is where the collection is reset. It also reads versions without exclusive access, when
//! WhatsApp announces a change; a reset there would change a collection under another fetch. So the task decides.

use std::cell::Cell;

use tokio::task_local;

task_local! {
    /// True until the collection that this task fetches from the start is reset.
    static IS_DUE: Cell<bool>;
}

/// Runs the library's fetch of one collection, from the start if `is_due`.
pub(in super::super) async fn scope(is_due: bool, fetch: impl Future<Output = ()>) {
    IS_DUE.scope(Cell::new(is_due), fetch).await;
}

/// Returns whether the collection must be reset before this task reads its version.
pub(super) fn is_due() -> bool {
    IS_DUE.try_with(Cell::get).unwrap_or(false)
}

/// Registers that the collection was reset.
pub(super) fn done() {
    let _ = IS_DUE.try_with(|is_due| is_due.set(false));
}
