//! The sandbox: its configuration, and the handle of a running one.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::{
    Error, clock,
    fault::Fault,
    lock::locked,
    log::LogEntry,
    phone::{Phone, account::Account},
    server::Server,
    spec::AccountSpec,
};

/// Configuration of the sandbox.
#[derive(Debug, Clone)]
pub struct Config {
    /// Loopback address; port 0 selects a free one.
    pub listen: SocketAddr,
    /// Secret from which the server's static key and its root key are derived.
    pub secret: String,
    /// Folder for the accounts, created if it is missing. A later sandbox resumes from it, even after a kill. `None`
    /// loses them at the end.
    pub data: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), secret: "sandbox".to_owned(), data: None }
    }
}

/// A running server. Clones share it.
#[derive(Clone)]
pub struct Sandbox {
    pub(crate) address: SocketAddr,
    pub(crate) server: Arc<Server>,
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Sandbox").field(&self.address).finish()
    }
}

impl Sandbox {
    /// Returns the base URL, `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the public static key, base64url without padding, for clients that trust a key in advance.
    #[must_use]
    pub fn key(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.server.identity.key.public_key.public_key_bytes())
    }

    /// Returns the public root key, base64url without padding, for clients that request a certificate.
    #[must_use]
    pub fn root(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.server.identity.root)
    }

    /// Makes an account with its phone.
    ///
    /// # Errors
    /// [`Error::AccountExists`], [`Error::InvalidAccount`] if the description breaks a rule of
    /// [`AccountSpec::validate`], or [`Error::Storage`].
    pub fn create_account(&self, spec: AccountSpec) -> Result<Phone, Error> {
        spec.validate(clock::now_ms()).map_err(|error| Error::InvalidAccount(error.to_string()))?;
        let mut account = Account::new(&spec)?;
        let mut accounts = locked(&self.server.accounts);
        if accounts.contains_key(&spec.phone) {
            return Err(Error::AccountExists(spec.phone));
        }
        if let Some(folder) = &self.server.folder {
            account.save_new(folder.file(&spec.phone))?;
        }
        let account = Arc::new(account);
        accounts.insert(spec.phone, Arc::clone(&account));
        Ok(self.phone(account))
    }

    /// Returns the phone with this number.
    #[must_use]
    pub fn account(&self, phone: &str) -> Option<Phone> {
        self.server.account(phone).map(|account| self.phone(account))
    }

    /// Returns all phones, by number.
    #[must_use]
    pub fn accounts(&self) -> Vec<Phone> {
        locked(&self.server.accounts).values().map(|account| self.phone(Arc::clone(account))).collect()
    }

    fn phone(&self, account: Arc<Account>) -> Phone {
        Phone::new(Arc::clone(&self.server.services), account)
    }

    /// Returns the server's log, oldest first; old entries are dropped.
    #[must_use]
    pub fn log(&self) -> Vec<LogEntry> {
        locked(&self.server.log).entries()
    }

    /// Injects a fault.
    pub fn inject(&self, fault: Fault) {
        locked(&self.server.faults).inject(fault);
    }

    /// Removes all faults that still apply.
    pub fn forget_faults(&self) {
        locked(&self.server.faults).forget();
    }

    /// Closes the port and every connection, and waits until all tasks have ended.
    pub async fn stop(&self) {
        self.server.services.stop.cancel();
        self.server.services.tasks.close();
        self.server.services.tasks.wait().await;
        for phone in self.accounts() {
            phone.account.save_or_log().await;
        }
    }
}
