//! Steps that `serve` and `demo` have in common.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::{error::Error, lifecycle::Lifecycle};
use crate::http::{self, ListenerContext};

/// Binds the listen address, and returns the actual one.
pub(super) async fn listen(address: SocketAddr, flag: &'static str) -> Result<(TcpListener, SocketAddr), Error> {
    let failed = |source| Error::Listen { address, flag, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// Serves until `asked` resolves. Open connections are closed in the shutdown that follows.
pub(super) async fn serve_until_signal(
    listener: TcpListener,
    listening: ListenerContext,
    lifecycle: &Lifecycle,
    asked: impl Future<Output = ()>,
) -> Result<(), Error> {
    let (callers, drain) = (lifecycle.callers.clone(), lifecycle.drain.clone());
    let mut serving = lifecycle.callers.spawn(http::serve(listener, listening, callers, drain));
    tokio::select! {
        ended = &mut serving => ended.map_err(|died| Error::Serve(died.into())),
        () = asked => Ok(()),
    }
}
