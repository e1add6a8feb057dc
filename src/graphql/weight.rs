//! The weights of mutations, in the cost of a field, which takes some 2 µs of CPU time.

use chatgraph_guard::Weights;

/// A write is a statement or some, and a commit that waits for the disk on the one writer. Mutations that WhatsApp has to
/// do something for, or that touch all of a session, weigh more.
pub(super) const WEIGHTS: Weights = Weights {
    named: &[
        ("startSession", 200),
        ("rejectCall", 200),
        ("logoutSession", 500),
        ("requestPairingCode", 500),
        ("resyncSession", 500),
        ("deleteSession", 1_000),
    ],
    other: 100,
};
