//! All Signal senders to the companions of an account.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::signal_peer::SignalPeer;
use crate::crypto;

/// All senders to an account's companions, by JID.
#[derive(Serialize, Deserialize)]
pub(crate) struct SignalPeers(BTreeMap<String, SignalPeer>);

impl SignalPeers {
    /// Creates it with the phone itself.
    pub(crate) fn new(owner: String, phone: SignalPeer) -> Self {
        Self(BTreeMap::from([(owner, phone)]))
    }

    /// Merges the senders with these JIDs: the sessions by number continue, or else those by LID.
    pub(crate) fn join(&mut self, lid: &str, number: &str) {
        if let Some(peer) = self.0.remove(lid) {
            self.0.entry(number.to_owned()).or_insert(peer);
        }
    }

    /// Renames a sender, who keeps the keys and sessions. A later sender with the old name is a new one.
    pub(crate) fn rename(&mut self, before: &str, after: &str) {
        if let Some(peer) = self.0.remove(before) {
            self.0.insert(after.to_owned(), peer);
        }
    }

    /// Returns the sender with this JID.
    pub(crate) fn of(&mut self, sender: &str) -> &mut SignalPeer {
        self.0.entry(sender.to_owned()).or_insert_with(|| SignalPeer::new(crypto::identity()))
    }
}
