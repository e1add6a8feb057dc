//! Seats for connections: so many in all, so many for each address. A seat is free again when the connection is gone, also
//! when it has become a WebSocket meanwhile.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::task::Context;
use std::task::Poll;

use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;

use crate::http::metrics::Connected;
use crate::http::metrics::Metrics;
use crate::http::metrics::Refused;

use super::pace::Pace;

/// The seats.
#[derive(Clone)]
pub(super) struct Seats(Arc<Room>);

struct Room {
    seats: usize,
    per_address: usize,
    metrics: Metrics,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

impl Seats {
    pub(super) fn new(seats: usize, per_address: usize, metrics: Metrics) -> Self {
        Self(Arc::new(Room { seats, per_address, metrics, taken: Mutex::default() }))
    }

    /// A seat; none when all are taken, or all that this address may have.
    pub(super) fn take(&self, address: IpAddr) -> Option<Seat> {
        // An IPv4 address is the same however it is written.
        let address = address.to_canonical();
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.by_address.get(&address).copied().unwrap_or(0);
        let (full, full_for_address) = (taken.all >= self.0.seats, own >= self.0.per_address);
        if full || full_for_address {
            self.0.metrics.refused(if full { Refused::Full } else { Refused::FullForAddress });
            return None;
        }
        taken.all += 1;
        taken.by_address.insert(address, own + 1);
        Some(Seat { room: Arc::clone(&self.0), address, _connected: self.0.metrics.connected() })
    }
}

/// One connection's seat.
pub(super) struct Seat {
    room: Arc<Room>,
    address: IpAddr,
    _connected: Connected,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.room.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        if let Some(own) = taken.by_address.get_mut(&self.address) {
            *own -= 1;
            if *own == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}

/// A stream that has a seat for as long as it is open, and tells when it hears something.
pub(super) struct Seated<S> {
    stream: S,
    pace: Pace,
    _seat: Seat,
}

impl<S> Seated<S> {
    pub(super) fn new(stream: S, seat: Seat, pace: Pace) -> Self {
        Self { stream, pace, _seat: seat }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Seated<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, into);
        if into.filled().len() > before {
            self.pace.heard();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Seated<S> {
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
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_seats_and_all_together_have_so_many() {
        let (seats, [one, two, three]) =
            (Seats::new(3, 2, Metrics::default()), [1, 2, 3].map(|last| IpAddr::from([127, 0, 0, last])));
        let taken = [seats.take(one), seats.take(one), seats.take(two)];
        assert!(taken.iter().all(Option::is_some));
        assert!(seats.take(three).is_none(), "all are taken");
        let [first, second, _third] = taken;
        drop(first);
        assert!(seats.take(one).is_some());
        let _other = seats.take(two);
        drop(second);
        assert!(seats.take(two).is_none(), "it has two");
        assert!(seats.take(one).is_some());
    }

    #[test]
    fn an_address_without_a_connection_is_forgotten() {
        let seats = Seats::new(10, 1, Metrics::default());
        let address = IpAddr::from([127, 0, 0, 1]);
        let seat = seats.take(address);
        assert!(seats.take(IpAddr::V6(std::net::Ipv4Addr::LOCALHOST.to_ipv6_mapped())).is_none(), "the same");
        drop(seat);
        assert!(seats.0.taken.lock().expect("whole").by_address.is_empty());
    }
}
