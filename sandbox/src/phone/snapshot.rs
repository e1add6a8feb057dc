//! Storage of an account: in the sandbox's folder, as a whole, and before any change is sent.

use std::{
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use whatsapp_rust::wacore::libsignal::protocol::IdentityKeyPair;

use super::{account::Account, app_state::AppState, signal_peers::SignalPeers, state::PhoneState};
use crate::{
    Error,
    companion::Companions,
    crypto,
    lock::locked,
    storage::{AccountFile, bytes, replace},
};

/// Format of the files; to be raised when an older sandbox could not read them.
const FORMAT: u32 = 1;

/// The part that every format has.
#[derive(Deserialize)]
struct Head {
    format: u32,
}

/// An account in its file, borrowed when written and owned when read.
#[derive(Serialize, Deserialize)]
struct StoredAccount<B, L, P, C> {
    format: u32,
    number: String,
    made_at: i64,
    #[serde(with = "bytes")]
    identity: IdentityKeyPair,
    raw_id: u32,
    stanzas: u64,
    #[serde(rename = "bookmark")]
    script_position: Option<String>,
    #[serde(rename = "book")]
    state: B,
    #[serde(rename = "ledger")]
    app_state: L,
    #[serde(rename = "parties")]
    peers: P,
    companions: C,
}

impl Account {
    /// Loads the account of this file.
    pub(crate) fn restore(file: AccountFile) -> Result<Self, Error> {
        let read =
            || -> Result<StoredAccount<PhoneState, AppState, SignalPeers, Companions>, Box<dyn std::error::Error + Send + Sync>> {
                let content = fs::read(file.path())?;
                let Head { format } = serde_json::from_slice(&content)?;
                if format != FORMAT {
                    return Err(format!("unsupported format {format}; expected {FORMAT}").into());
                }
                Ok(serde_json::from_slice(&content)?)
            };
        let stored = read().map_err(|error| Error::storage(file.path(), error))?;
        Ok(Self {
            lid: crypto::lid_user(&stored.number),
            number: stored.number,
            made_at: stored.made_at,
            identity: stored.identity,
            raw_id: stored.raw_id,
            state: Mutex::new(stored.state),
            app_state: Mutex::new(stored.app_state),
            peers: tokio::sync::Mutex::new(stored.peers),
            companions: Mutex::new(stored.companions),
            calls: Mutex::default(),
            script_position: Mutex::new(stored.script_position),
            changed: watch::Sender::new(()),
            stanzas: AtomicU64::new(stored.stanzas),
            file: Some(file),
        })
    }

    /// Stores a new account that is not shared yet, and uses `file` from now on.
    pub(crate) fn save_new(&mut self, file: AccountFile) -> Result<(), Error> {
        let content = self.written(&self.peers.try_lock().expect("the account is not locked elsewhere"))?;
        replace(file.path(), &content).map_err(|error| Error::storage(file.path(), error))?;
        self.file = Some(file);
        Ok(())
    }

    /// Stores the present state, if there is a folder. Must be called before a change is sent.
    ///
    /// Takes every lock of the account, so the caller must hold none. Concurrent callers share one write.
    pub(crate) async fn save(&self) -> Result<(), Error> {
        let Some(file) = &self.file else { return Ok(()) };
        let Some(permit) = file.permit().await else { return Ok(()) };
        let content = self.written(&*self.peers.lock().await)?;
        file.write(permit, content).await
    }

    /// Like [`Account::save`], for callers that cannot handle an error.
    pub(crate) async fn save_or_log(&self) {
        if let Err(error) = self.save().await {
            tracing::error!(phone = self.number, error = &error as &dyn std::error::Error, "Storing an account failed");
        }
    }

    /// Like [`Account::save`] without waiting, for changes that are not sent.
    pub(crate) fn save_soon(self: &Arc<Self>, tasks: &TaskTracker) {
        if self.file.is_some() {
            let account = Arc::clone(self);
            tasks.spawn(async move { account.save_or_log().await });
        }
    }

    /// Serialises a consistent state: every change is made, with all its effects, under one of these locks.
    fn written(&self, peers: &SignalPeers) -> Result<Vec<u8>, Error> {
        let app_state = locked(&self.app_state);
        let state = locked(&self.state);
        let companions = locked(&self.companions);
        let stored = StoredAccount {
            format: FORMAT,
            number: self.number.clone(),
            made_at: self.made_at,
            identity: self.identity.clone(),
            raw_id: self.raw_id,
            stanzas: self.stanzas.load(Ordering::Relaxed),
            script_position: locked(&self.script_position).clone(),
            state: &*state,
            app_state: &*app_state,
            peers,
            companions: &*companions,
        };
        serde_json::to_vec(&stored).map_err(|error| Error::protocol("an account cannot be written", error))
    }
}
