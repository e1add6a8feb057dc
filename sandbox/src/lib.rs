//! A WhatsApp server with phones, in one process and scriptable, for running a real client against.

mod clock;
pub mod demo;
mod error;
mod fault;
pub mod http;
mod key;
mod log;
mod pairing;
mod phone;
mod server;
pub mod spec;
mod wire;

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{Router, routing::get};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use tokio::net::TcpListener;

use phone::account::Account;
use server::Server;

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
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), secret: "sandbox".to_owned() }
    }
}

/// A running server. Clones are the same server.
#[derive(Clone)]
pub struct Sandbox {
    address: SocketAddr,
    server: Arc<Server>,
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Sandbox").field(&self.address).finish()
    }
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
        let listen = |source| Error::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let server = Arc::new(Server::new(key::server_key(&config.secret)?));
        let sandbox = Self { address, server };
        let routes = sandbox.routes();
        let stop = sandbox.server.stop.clone();
        sandbox.server.tasks.spawn(async move {
            let serving = axum::serve(listener, routes).with_graceful_shutdown(stop.cancelled_owned());
            if let Err(error) = serving.await {
                tracing::error!(%error, "The sandbox's listener failed");
            }
        });
        Ok(sandbox)
    }

    fn routes(&self) -> Router {
        Router::new()
            .route("/ws/chat", get(server::connection::accept))
            .route("/media/{*path}", get(server::media::serve))
            .with_state(Arc::clone(&self.server))
            .merge(http::router(self.clone()))
    }

    /// The address of everything, `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The public static key, base64url without padding: what a client trusts beforehand.
    #[must_use]
    pub fn key(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.server.key.public_key.public_key_bytes())
    }

    /// Makes an account with its phone.
    ///
    /// # Errors
    /// [`Error::AccountExists`], or [`Error::InvalidAccount`] if the description breaks a rule of
    /// [`AccountSpec::validate`].
    #[expect(clippy::needless_pass_by_value, reason = "an account is made once, mostly from a description at hand")]
    pub fn create_account(&self, spec: AccountSpec) -> Result<Phone, Error> {
        spec.validate(clock::now_ms()).map_err(|error| Error::InvalidAccount(error.to_string()))?;
        let account = Arc::new(Account::new(&spec)?);
        let mut accounts = locked(&self.server.accounts);
        if accounts.contains_key(&spec.phone) {
            return Err(Error::AccountExists(spec.phone));
        }
        accounts.insert(spec.phone.clone(), Arc::clone(&account));
        Ok(self.phone(account))
    }

    /// The phone with this number.
    #[must_use]
    pub fn account(&self, phone: &str) -> Option<Phone> {
        self.server.account(phone).map(|account| self.phone(account))
    }

    /// All phones, by number.
    #[must_use]
    pub fn accounts(&self) -> Vec<Phone> {
        locked(&self.server.accounts).values().map(|account| self.phone(Arc::clone(account))).collect()
    }

    fn phone(&self, account: Arc<Account>) -> Phone {
        Phone::new(Arc::clone(&self.server), account)
    }

    /// What the server saw, oldest first; the oldest entries are dropped after some thousands.
    #[must_use]
    pub fn log(&self) -> Vec<LogEntry> {
        locked(&self.server.log).entries()
    }

    /// Makes something go wrong the next few times.
    pub fn inject(&self, fault: Fault) {
        locked(&self.server.faults).inject(fault);
    }

    /// Closes the port and every connection, and waits until no task is left.
    pub async fn stop(&self) {
        self.server.stop.cancel();
        self.server.tasks.close();
        self.server.tasks.wait().await;
    }
}

/// Locks, also after another holder panicked: the sandbox's maps are never left half written.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
