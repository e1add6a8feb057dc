//! The start of a sandbox: its port, and everything that is served on it.

use std::sync::Arc;

use axum::{Router, routing::get, serve::ListenerExt as _};
use tokio::net::TcpListener;

use crate::{
    Error, http,
    sandbox::{Config, Sandbox},
    server::{self, Server},
    storage::Folder,
    wire::certificate::Identity,
};

impl Sandbox {
    /// Opens the port and serves everything on it: the WhatsApp protocol at `/ws/chat`, encrypted
    /// blobs under `/media/`, and the JSON interface.
    ///
    /// # Errors
    /// [`Error::NotLoopback`], [`Error::InUse`] or [`Error::Storage`] if the folder cannot be used, or
    /// [`Error::Listen`] if the port cannot be opened.
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
        let stop = sandbox.server.services.stop.clone();
        sandbox.server.services.tasks.spawn(async move {
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
}
