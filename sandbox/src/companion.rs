//! Companions: clients that are paired with a phone, connected or not, as both the phone and the server see them.
//!
//! A phone adds a stanza to the companion's `queue`, and emits it to the `outlet` of its active connection. The server
//! delivers what arrives there, and removes it from the queue when the companion confirms it. This module depends on
//! neither of them.

pub(crate) mod disconnect;
pub(crate) mod message;
pub(crate) mod outlet;
pub(crate) mod prekeys;
pub(crate) mod queue;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    storage::bytes,
    wire::node::{Node, node},
};
use disconnect::{LoginBlock, Refusal};
use outlet::Outlet;
use prekeys::Prekeys;
use queue::{Item, Queue};

/// All app-state collections.
pub(crate) const COLLECTIONS: [&str; 5] =
    ["critical_block", "critical_unblock_low", "regular_low", "regular_high", "regular"];

/// One paired client.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Companion {
    /// Its static key: another client cannot log in with this device number.
    #[serde(with = "bytes")]
    pub(crate) noise: [u8; 32],
    /// Its identity key, from the pairing.
    #[serde(with = "bytes")]
    pub(crate) identity: [u8; 32],
    /// Its signed device identity, with which others verify its keys.
    #[serde(default, rename = "papers", with = "bytes")]
    pub(crate) device_identity: Vec<u8>,
    /// Its prekeys; `None` until the first upload.
    pub(crate) prekeys: Option<Prekeys>,
    /// True if it asked for the full history.
    #[serde(default)]
    pub(crate) full: bool,
    /// True if it has been sent the app-state key and the history.
    #[serde(rename = "settled")]
    pub(crate) bootstrapped: bool,
    pub(crate) queue: Queue,
    /// Its active connection.
    #[serde(skip)]
    pub(crate) outlet: Option<Outlet>,
    /// Collections that it has fetched since it was paired.
    pub(crate) fetched: BTreeSet<String>,
    /// Reason why its login is rejected.
    #[serde(skip)]
    pub(crate) login_block: Option<LoginBlock>,
}

impl Companion {
    /// Creates a newly paired companion.
    pub(crate) fn new(noise: [u8; 32], identity: [u8; 32], device_identity: Vec<u8>) -> Self {
        Self {
            noise,
            identity,
            device_identity,
            prekeys: None,
            full: false,
            bootstrapped: false,
            queue: Queue::default(),
            outlet: None,
            fetched: BTreeSet::new(),
            login_block: None,
        }
    }

    /// Returns the reason for rejecting a login at `now`, in milliseconds; `None` accepts it.
    pub(crate) fn refusal(&mut self, now: i64) -> Option<Refusal> {
        let refusal = self.login_block.as_ref()?.refusal(now);
        if !matches!(refusal, Some(Refusal::Banned { .. })) {
            self.login_block = None;
        }
        refusal
    }

    /// Returns its keys for another companion of the account; `None` before the first upload.
    pub(crate) fn keys(&mut self) -> Option<Vec<Node>> {
        let mut keys = self.prekeys.as_mut()?.take_nodes();
        if !self.device_identity.is_empty() {
            keys.push(node("device-identity").bytes(self.device_identity.clone()).build());
        }
        Some(keys)
    }

    /// Queues a stanza, and sends it if the companion is connected.
    pub(crate) fn push(&mut self, item: Item) {
        if let Some(outlet) = &self.outlet {
            outlet.send(item.node.clone());
        }
        self.queue.push(item);
    }

    /// Returns whether it can be sent the history now.
    pub(crate) fn awaits_bootstrap(&self) -> bool {
        !self.bootstrapped && self.prekeys.is_some()
    }

    /// Returns whether it is connected and has fetched every collection.
    pub(crate) fn is_synced(&self) -> bool {
        self.outlet.is_some() && self.fetched.len() == COLLECTIONS.len()
    }
}

/// All companions of an account, by device number.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Companions {
    last: u16,
    by_device: BTreeMap<u16, Companion>,
}

impl Companions {
    /// Returns the next device number; numbers are never reused.
    pub(crate) fn next_device(&mut self) -> u16 {
        self.last += 1;
        self.last
    }

    /// Adds a paired companion.
    pub(crate) fn add(&mut self, device: u16, companion: Companion) {
        self.by_device.insert(device, companion);
    }

    /// Removes a companion.
    pub(crate) fn remove(&mut self, device: u16) -> Option<Companion> {
        self.by_device.remove(&device)
    }

    /// Removes all companions.
    pub(crate) fn remove_all(&mut self) -> Vec<Companion> {
        std::mem::take(&mut self.by_device).into_values().collect()
    }

    /// Returns the companion with this device number.
    pub(crate) fn get(&self, device: u16) -> Option<&Companion> {
        self.by_device.get(&device)
    }

    /// Returns the companion with this device number, for changes.
    pub(crate) fn get_mut(&mut self, device: u16) -> Option<&mut Companion> {
        self.by_device.get_mut(&device)
    }

    /// Returns all companions.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u16, &Companion)> {
        self.by_device.iter().map(|(device, companion)| (*device, companion))
    }

    /// Returns all companions, for changes.
    pub(crate) fn all_mut(&mut self) -> impl Iterator<Item = (u16, &mut Companion)> {
        self.by_device.iter_mut().map(|(device, companion)| (*device, companion))
    }
}
