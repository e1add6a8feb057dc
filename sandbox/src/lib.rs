//! A WhatsApp server with phones, in one process and scriptable, for running a real client against.

mod error;
mod fault;
pub mod http;
mod log;
mod phone;
pub mod spec;

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::Router;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use error::Error;
pub use fault::{Fault, FaultKind};
pub use log::{Direction, LogEntry};
pub use phone::{ChatKind, ChatView, FOREVER, Phone};
pub use spec::AccountSpec;

/// Where the sandbox listens, and who it is.
#[derive(Debug, Clone)]
pub struct Config {
    /// A loopback address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The server's static key is derived from this text: the same secret, the same key.
    pub secret: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            secret: "sandbox".to_owned(),
        }
    }
}

/// A running server. Clones are the same server.
#[derive(Debug, Clone)]
pub struct Sandbox {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    address: SocketAddr,
    key: [u8; 32],
    accounts: Mutex<BTreeMap<String, Phone>>,
    log: Mutex<log::Log>,
    faults: Mutex<fault::Faults>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Sandbox {
    /// Opens the port and serves everything on it: the WhatsApp protocol at `/ws/chat`, encrypted
    /// blobs under `/media/`, and the JSON interface.
    ///
    /// # Errors
    /// [`Error::NotLoopback`], or [`Error::Listen`] if the port cannot be opened.
    pub async fn start(config: Config) -> Result<Self, Error> {
        if !config.listen.ip().is_loopback() {
            return Err(Error::NotLoopback(config.listen));
        }
        let listen = |source| Error::Listen {
            address: config.listen,
            source,
        };
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let sandbox = Self {
            shared: Arc::new(Shared {
                address,
                key: [0; 32],
                accounts: Mutex::default(),
                log: Mutex::default(),
                faults: Mutex::default(),
                stop: CancellationToken::new(),
                tasks: TaskTracker::new(),
            }),
        };
        let routes = Router::new().merge(http::router(sandbox.clone()));
        let stop = sandbox.shared.stop.clone();
        sandbox.shared.tasks.spawn(async move {
            let serving =
                axum::serve(listener, routes).with_graceful_shutdown(stop.cancelled_owned());
            if let Err(error) = serving.await {
                tracing::error!(%error, "The sandbox's listener failed");
            }
        });
        Ok(sandbox)
    }

    /// The address of everything, `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.shared.address)
    }

    /// The public static key, base64url without padding: what a client trusts beforehand.
    #[must_use]
    pub fn key(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.shared.key)
    }

    /// Makes an account with its phone.
    ///
    /// # Errors
    /// [`Error::AccountExists`], or [`Error::InvalidAccount`] if the description contradicts itself.
    pub fn create_account(&self, spec: AccountSpec) -> Result<Phone, Error> {
        let mut accounts = locked(&self.shared.accounts);
        if accounts.contains_key(&spec.phone) {
            return Err(Error::AccountExists(spec.phone));
        }
        let phone = Phone::new(spec);
        accounts.insert(phone.number().to_owned(), phone.clone());
        Ok(phone)
    }

    /// The phone with this number.
    #[must_use]
    pub fn account(&self, phone: &str) -> Option<Phone> {
        locked(&self.shared.accounts).get(phone).cloned()
    }

    /// All phones, by number.
    #[must_use]
    pub fn accounts(&self) -> Vec<Phone> {
        locked(&self.shared.accounts).values().cloned().collect()
    }

    /// What the server saw, oldest first; the oldest entries are dropped after some thousands.
    #[must_use]
    pub fn log(&self) -> Vec<LogEntry> {
        locked(&self.shared.log).entries()
    }

    /// Makes something go wrong the next few times.
    pub fn inject(&self, fault: Fault) {
        locked(&self.shared.faults).inject(fault);
    }

    /// Closes the port and every connection, and waits until no task is left.
    pub async fn stop(&self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

/// Locks, also after another holder panicked: the sandbox's maps are never left half written.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
