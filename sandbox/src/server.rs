//! The server: connections, requests and deliveries.
//!
//! `connection` handles one connection, `client` is a companion that is logged in on it, and `router` passes each
//! stanza to its handler. `iq` answers requests, with `sync`, `users`, `groups`, `pictures` and `privacy`. `outbound`
//! handles messages from a companion, `peer` its requests to the phone, and `fan_out` the copies for the account's
//! other companions. To answer a new request, add an arm in `iq`.

mod client;
pub(crate) mod connection;
mod fan_out;
mod groups;
mod iq;
pub(crate) mod media;
mod outbound;
mod pairing_code;
mod peer;
mod pictures;
mod privacy;
mod router;
mod sync;
mod users;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Error, clock,
    fault::Faults,
    lock::locked,
    log::{Direction, Log, LogSource},
    pairing::registry::PairingRegistry,
    phone::{account::Account, services::Services},
    storage::{Folder, media::Media},
    wire::certificate::Identity,
};

/// State shared by all connections and phones.
pub(crate) struct Server {
    pub(crate) identity: Identity,
    /// By number.
    pub(crate) accounts: Mutex<BTreeMap<String, Arc<Account>>>,
    pub(crate) log: Mutex<Log>,
    pub(crate) faults: Mutex<Faults>,
    pub(crate) services: Arc<Services>,
    connections: AtomicU64,
    /// Folder for all state, if there is one.
    pub(crate) folder: Option<Folder>,
}

impl Server {
    /// Creates a server with the accounts in the folder, if there is one.
    pub(crate) fn new(identity: Identity, folder: Option<Folder>) -> Result<Self, Error> {
        let files = folder.as_ref().map(Folder::accounts).transpose()?.unwrap_or_default();
        let accounts = files.into_iter().map(Account::restore).collect::<Result<Vec<_>, _>>()?;
        let accounts = accounts.into_iter().map(|account| (account.number.clone(), Arc::new(account)));
        let media =
            folder.as_ref().map_or_else(|| Media::Memory(Mutex::default()), |folder| Media::Folder(folder.blobs()));
        Ok(Self {
            identity,
            accounts: Mutex::new(accounts.collect()),
            log: Mutex::default(),
            faults: Mutex::default(),
            services: Arc::new(Services {
                media,
                pairings: PairingRegistry::default(),
                stop: CancellationToken::new(),
                tasks: TaskTracker::new(),
            }),
            connections: AtomicU64::new(0),
            folder,
        })
    }

    /// Returns the account with this number.
    pub(crate) fn account(&self, number: &str) -> Option<Arc<Account>> {
        locked(&self.accounts).get(number).cloned()
    }

    /// Returns a new connection number.
    pub(crate) fn next_connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed)
    }

    /// Adds a log entry.
    pub(crate) fn record(&self, who: LogSource, direction: Direction, text: String) {
        tracing::trace!(phone = who.0, device = who.1, ?direction, "{text}");
        locked(&self.log).push(clock::now_ms(), who, direction, text);
    }

    /// Adds a note to the log.
    pub(crate) fn note(&self, who: LogSource, text: impl Into<String>) {
        self.record(who, Direction::Note, text.into());
    }
}
