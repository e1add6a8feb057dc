//! A scriptable WhatsApp server with phones, in one process, for tests and demos with a real client.
//!
//! An unmodified `whatsapp-rust` client connects to it on loopback, and is paired by a phone that scans its QR code. It
//! receives the history and messages, and keeps its settings in sync with the phone. All of this uses the wire protocol,
//! with its handshake, its encryption and its MACs. A script acts as the phone.
//!
//! ```no_run
//! use chatgraph_sandbox::{AccountSpec, Config, Sandbox};
//!
//! # async fn play() -> Result<(), Box<dyn std::error::Error>> {
//! let sandbox = Sandbox::start(Config::default()).await?;
//! let spec: AccountSpec = serde_json::from_str(
//!     r#"{"phone": "15550100001", "name": "Ada",
//!         "contacts": [{"phone": "15550100002", "name": "Bob"}],
//!         "history": [{"jid": "15550100002@s.whatsapp.net", "pinned": true}]}"#,
//! )?;
//! let phone = sandbox.create_account(spec)?;
//! // … start a client on `sandbox.url()` that trusts `sandbox.key()`, and scan the code it shows …
//! # let code = "";
//! phone.scan(code).await?;
//! phone.connected().await?;
//! phone.receive("15550100002", "15550100002@s.whatsapp.net", "Hello").await?;
//! phone.settled().await?;
//! assert_eq!(phone.chats()[0].unread_count, 1);
//! sandbox.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Requirements for a client
//!
//! - The WebSocket address `ws://HOST:PORT/ws/chat`.
//! - The server's key in advance, in its store, as the leaf of a certificate chain of a device that is registered under
//!   any placeholder number. Otherwise it requests a certificate of the real service. See `tests/it/support.rs`.
//!   A client with a configurable root key needs none of this: it trusts `sandbox.root()` instead of WhatsApp's root,
//!   requests the certificate, and verifies it.
//! - An HTTP client that fetches `https://ANY-HOST/PATH?…` as `GET http://HOST:PORT/media/PATH`.
//!
//! # Layout
//!
//! - `wire`: WebSocket messages, frames, handshake and nodes, independent of accounts.
//! - `server`: connections, requests and answers, and the state of companions between connections.
//! - `pairing`: pairing of clients as companions.
//! - `phone`: an account's authoritative state, its app-state patches, its messages, and the owner's actions.
//! - [`http`], [`spec`], [`demo`]: the JSON interface, the description of accounts, and a demo account.
//! - `storage`: the optional folder from which the sandbox resumes after a restart.
//!
//! The sandbox runs in real time. It has no access control: a process that reaches its port can act as any phone. It
//! therefore only listens on loopback.

mod clock;
mod crypto;
pub mod demo;
mod error;
mod fault;
pub mod http;
mod log;
mod pairing;
mod phone;
mod server;
pub mod spec;
mod storage;
mod wire;

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{Router, routing::get, serve::ListenerExt as _};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use tokio::net::TcpListener;

use phone::account::Account;
use server::Server;
use storage::Folder;
use wire::certificate::Identity;

pub use error::Error;
pub use fault::{Fault, FaultKind, On, Part, When};
pub use log::{Direction, LogEntry};
pub use phone::{
    CallState, CallView, ChatKind, ChatView, Draft, FOREVER, MAX_PINNED, MessageKind, MessageView, Phone, ReceiptForm,
};
pub use server::disconnect::DisconnectReason;
pub use spec::AccountSpec;

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
    /// [`Error::NotLoopback`], [`Error::InUse`] or [`Error::Kept`] if the folder cannot be used, or [`Error::Listen`] if
    /// the port cannot be opened.
    pub async fn start(config: Config) -> Result<Self, Error> {
        if !config.listen.ip().is_loopback() {
            return Err(Error::NotLoopback(config.listen));
        }
        let folder = config.data.as_deref().map(Folder::open).transpose()?;
        let server = Arc::new(Server::new(Identity::from_secret(&config.secret)?, folder)?);
        let listen = |source| Error::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let sandbox = Self { address, server };
        let routes = sandbox.routes();
        let stop = sandbox.server.stop.clone();
        sandbox.server.tasks.spawn(async move {
            // Small frames in sequence: the kernel must not delay the second until the first is acknowledged.
            let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
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
    /// [`AccountSpec::validate`], or [`Error::Kept`].
    pub fn create_account(&self, spec: AccountSpec) -> Result<Phone, Error> {
        spec.validate(clock::now_ms()).map_err(|error| Error::InvalidAccount(error.to_string()))?;
        let mut account = Account::new(&spec)?;
        let mut accounts = locked(&self.server.accounts);
        if accounts.contains_key(&spec.phone) {
            return Err(Error::AccountExists(spec.phone));
        }
        if let Some(folder) = &self.server.folder {
            account.save_new(folder.keeper(&spec.phone))?;
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
        Phone::new(Arc::clone(&self.server), account)
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
        self.server.stop.cancel();
        self.server.tasks.close();
        self.server.tasks.wait().await;
        for phone in self.accounts() {
            phone.account.save_or_log().await;
        }
    }
}

/// Locks a mutex, also after another holder panicked: the maps are never left in a partial state.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
