//! Weights of mutations. The unit is the cost of a field, about 2 µs of CPU time.

use graphql_guard::Weights;

/// A write is one or a few statements, and a commit that waits for the disk on the only writer. Mutations that require
/// work by WhatsApp, or that change a whole session, weigh more.
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
