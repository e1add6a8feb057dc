//! A scriptable WhatsApp server with phones, in one process, for tests and demos with a real client.
//!
//! An unmodified `whatsapp-rust` client connects to it on loopback, and is paired by a phone that scans its QR code. It
//! receives the history and messages, and keeps its settings in sync with the phone. All of this uses the wire
//! protocol, with its handshake, its encryption and its MACs. A script acts as the phone.
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
//! - The server's key in its store before it connects, as the leaf of a certificate chain. The device must be registered
//!   under some placeholder number, or it requests a certificate of the real service. See `tests/it/support.rs`.
//!   A client with a configurable root key does not need this: it trusts `sandbox.root()` instead of WhatsApp's root,
//!   requests the certificate, and verifies it.
//! - An HTTP client that fetches `https://ANY-HOST/PATH?…` as `GET http://HOST:PORT/media/PATH`.
//!
//! # Layout
//!
//! A module only depends on modules above it in this list, and there is no circular dependency between files.
//! `tests/it/architecture` checks both.
//!
//! - [`spec`]: the description of accounts.
//! - `wire`: WebSocket messages, frames, handshake and nodes, independent of accounts.
//! - `storage`: the optional folder from which the sandbox resumes after a restart, and downloadable blobs.
//! - `companion`: paired clients, with their queues and the sending ends of their connections.
//! - `pairing`: codes, signatures, and the connections that wait for pairing.
//! - `phone`: an account's authoritative state, its app-state patches, its messages, and the owner's actions. Phones
//!   emit stanzas to their companions' queues.
//! - `server`: connections, requests and answers. The server delivers the queues.
//! - `sandbox`: the handle of a running sandbox.
//! - [`http`], [`demo`]: the JSON interface, and a demo account.
//! - `listener`: the port, with everything on it.
//!
//! The sandbox runs in real time. It has no access control: a process that reaches its port can act as any phone. It
//! therefore only listens on loopback.

mod chat;
mod clock;
mod companion;
mod crypto;
pub mod demo;
mod error;
mod fault;
pub mod http;
mod listener;
mod lock;
mod log;
mod message_kind;
mod pairing;
mod phone;
mod sandbox;
mod server;
pub mod spec;
mod storage;
mod wire;

pub use chat::{ChatKind, FOREVER, MAX_PINNED};
pub use companion::disconnect::DisconnectReason;
pub use error::Error;
pub use fault::{Fault, FaultKind, On, Part, When};
pub use log::{Direction, LogEntry};
pub use message_kind::MessageKind;
pub use phone::{CallState, CallView, ChatView, Draft, MessageView, Phone, ReceiptForm};
pub use sandbox::{Config, Sandbox};
pub use spec::AccountSpec;
