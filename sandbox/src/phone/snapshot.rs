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

use super::{account::Account, app_state::AppState, signal_peers::Parties, state::PhoneState};
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
struct Kept<B, L, P, C> {
    format: u32,
    number: String,
    made_at: i64,
    #[serde(with = "bytes")]
    identity: IdentityKeyPair,
    raw_id: u32,
    stanzas: u64,
    bookmark: Option<String>,
    book: B,
    ledger: L,
    parties: P,
    companions: C,
}

impl Account {
    /// Loads the account of this file.
    pub(crate) fn restore(keeper: AccountFile) -> Result<Self, Error> {
        let read =
            || -> Result<Kept<PhoneState, AppState, Parties, Companions>, Box<dyn std::error::Error + Send + Sync>> {
                let content = fs::read(keeper.path())?;
                let Head { format } = serde_json::from_slice(&content)?;
                if format != FORMAT {
                    return Err(format!("unsupported format {format}; expected {FORMAT}").into());
                }
                Ok(serde_json::from_slice(&content)?)
            };
        let kept = read().map_err(|error| Error::kept(keeper.path(), error))?;
        Ok(Self {
            lid: crypto::lid_user(&kept.number),
            number: kept.number,
            made_at: kept.made_at,
            identity: kept.identity,
            raw_id: kept.raw_id,
            book: Mutex::new(kept.book),
            ledger: Mutex::new(kept.ledger),
            parties: tokio::sync::Mutex::new(kept.parties),
            companions: Mutex::new(kept.companions),
            calls: Mutex::default(),
            bookmark: Mutex::new(kept.bookmark),
            changed: watch::Sender::new(()),
            stanzas: AtomicU64::new(kept.stanzas),
            keeper: Some(keeper),
        })
    }

    /// Stores a new account that is not shared yet, and uses `keeper` from now on.
    pub(crate) fn save_new(&mut self, keeper: AccountFile) -> Result<(), Error> {
        let content = self.written(&self.parties.try_lock().expect("the account is not locked elsewhere"))?;
        replace(keeper.path(), &content).map_err(|error| Error::kept(keeper.path(), error))?;
        self.keeper = Some(keeper);
        Ok(())
    }

    /// Stores the present state, if there is a folder. Must be called before a change is sent.
    ///
    /// Takes every lock of the account, so the caller must hold none. Concurrent callers share one write.
    pub(crate) async fn save(&self) -> Result<(), Error> {
        let Some(keeper) = &self.keeper else { return Ok(()) };
        let Some(turn) = keeper.turn().await else { return Ok(()) };
        let content = self.written(&*self.parties.lock().await)?;
        keeper.write(turn, content).await
    }

    /// Like [`Account::save`], for callers that cannot handle an error.
    pub(crate) async fn save_or_log(&self) {
        if let Err(error) = self.save().await {
            tracing::error!(phone = self.number, error = &error as &dyn std::error::Error, "Storing an account failed");
        }
    }

    /// Like [`Account::save`] without waiting, for changes that are not sent.
    pub(crate) fn save_soon(self: &Arc<Self>, tasks: &TaskTracker) {
        if self.keeper.is_some() {
            let account = Arc::clone(self);
            tasks.spawn(async move { account.save_or_log().await });
        }
    }

    /// Serialises a consistent state: every change is made, with all its effects, under one of these locks.
    fn written(&self, parties: &Parties) -> Result<Vec<u8>, Error> {
        let ledger = locked(&self.ledger);
        let book = locked(&self.book);
        let companions = locked(&self.companions);
        let kept = Kept {
            format: FORMAT,
            number: self.number.clone(),
            made_at: self.made_at,
            identity: self.identity.clone(),
            raw_id: self.raw_id,
            stanzas: self.stanzas.load(Ordering::Relaxed),
            bookmark: locked(&self.bookmark).clone(),
            book: &*book,
            ledger: &*ledger,
            parties,
            companions: &*companions,
        };
        serde_json::to_vec(&kept).map_err(|error| Error::protocol("an account cannot be written", error))
    }
}
