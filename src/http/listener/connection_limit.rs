//! Connection limits: in total, per client address, and per address without a valid token. A permit is held until the
//! connection closes, including after an upgrade to a WebSocket. Connections of trusted proxies only count in total;
//! behind one, each request holds a permit of the client's address instead.

use std::{
    collections::HashMap,
    io,
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::header_timeout::HeaderTimer;
use crate::{
    http::{
        ConnectionConfig, client_ip,
        metrics::{Connected, Metrics, RejectReason},
    },
    rate_limit::address_prefix,
};

/// The connection limiter.
#[derive(Clone)]
pub(super) struct ConnectionLimiter(Arc<Shared>);

struct Shared {
    config: ConnectionConfig,
    metrics: Metrics,
    taken: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    all: usize,
    by_network: HashMap<IpAddr, NetworkCount>,
}

/// Permits of one client network.
#[derive(Default)]
struct NetworkCount {
    all: usize,
    anonymous: usize,
}

impl ConnectionLimiter {
    pub(super) fn new(config: ConnectionConfig, metrics: Metrics) -> Self {
        Self(Arc::new(Shared { config, metrics, taken: Mutex::default() }))
    }

    /// Acquires a permit for a connection from this address; `None` if a limit is reached.
    pub(super) fn acquire(&self, peer: IpAddr) -> Option<ConnectionPermit> {
        let room = &self.0;
        let is_proxy = client_ip::any_contains(&room.config.trusted_proxies, peer.to_canonical());
        let network = (!is_proxy).then(|| address_prefix(peer));
        let mut taken = room.taken();
        if taken.all >= room.config.connections {
            room.metrics.refused(RejectReason::Full);
            return None;
        }
        if let Some(network) = network {
            room.count(&mut taken, network)?;
        }
        taken.all += 1;
        let connected = Some(room.metrics.connected());
        Some(ConnectionPermit { room: Arc::clone(room), network, anonymous: AtomicBool::new(true), connected })
    }
}

impl Shared {
    fn taken(&self) -> MutexGuard<'_, Counts> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a permit of a network; `None` if a limit is reached.
    fn count(&self, taken: &mut Counts, network: IpAddr) -> Option<()> {
        let (all, anonymous) = taken.by_network.get(&network).map_or((0, 0), |count| (count.all, count.anonymous));
        let refused = if all >= self.config.connections_per_address {
            Some(RejectReason::FullForAddress)
        } else if anonymous >= self.config.anonymous_per_address {
            Some(RejectReason::FullForAnonymous)
        } else {
            None
        };
        if let Some(refused) = refused {
            self.metrics.refused(refused);
            return None;
        }
        let count = taken.by_network.entry(network).or_default();
        count.all += 1;
        count.anonymous += 1;
        Some(())
    }
}

/// The permit of a connection, or of a request that a trusted proxy forwards.
pub(in crate::http) struct ConnectionPermit {
    room: Arc<Shared>,
    /// The client's network; `None` for a trusted proxy.
    network: Option<IpAddr>,
    /// True until a valid token is sent.
    anonymous: AtomicBool,
    /// Counts the connection as open; `None` for a request.
    connected: Option<Connected>,
}

impl ConnectionPermit {
    /// Acquires a permit for a request that this proxy connection forwards; `None` if a limit of the client's address
    /// is reached.
    pub(in crate::http) fn for_client(&self, client: IpAddr) -> Option<Self> {
        let network = address_prefix(client);
        self.room.count(&mut self.room.taken(), network)?;
        let room = Arc::clone(&self.room);
        Some(Self { room, network: Some(network), anonymous: AtomicBool::new(true), connected: None })
    }

    /// Counts the permit as authenticated from now on.
    pub(in crate::http) fn authenticated(&self) {
        let Some(network) = self.network else { return };
        if !self.anonymous.swap(false, Ordering::Relaxed) {
            return;
        }
        if let Some(count) = self.room.taken().by_network.get_mut(&network) {
            count.anonymous -= 1;
        }
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut taken = self.room.taken();
        if self.connected.is_some() {
            taken.all -= 1;
        }
        let Some(network) = self.network else { return };
        if let Some(count) = taken.by_network.get_mut(&network) {
            count.all -= 1;
            if *self.anonymous.get_mut() {
                count.anonymous -= 1;
            }
            if count.all == 0 {
                taken.by_network.remove(&network);
            }
        }
    }
}
/// A stream that holds its permit while it is open, and reports received bytes.
pub(super) struct Permitted<S> {
    stream: S,
    timer: HeaderTimer,
    _permit: Arc<ConnectionPermit>,
}

impl<S> Permitted<S> {
    pub(super) fn new(stream: S, permit: Arc<ConnectionPermit>, timer: HeaderTimer) -> Self {
        Self { stream, timer, _permit: permit }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Permitted<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, into);
        if into.filled().len() > before {
            self.timer.bytes_received();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Permitted<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, from)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, from)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
