//! The accept loop: what stands between the network and the routes. `axum::serve` has no clock, so that half a request
//! stays for ever, and counts nothing; this one bounds how long a request's head may take, how big it is, and how many
//! connections there are.

mod http2_frames;
mod pace;
mod patience;
mod seat;
mod spare_files;

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::service::Service as _;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;
use tracing::warn;

use super::held;
use super::log_limit::LogLimit;
use super::metrics::Metrics;
use super::metrics::Refused;
use super::network::Network;
use super::rate::Rate;
use super::tls::Tls;
use http2_frames::Http2Frames;
use pace::Pace;
use patience::Patient;
use seat::Seated;
use seat::Seats;
use spare_files::SpareFiles;

pub(super) use pace::Answering;
pub(super) use seat::Seat;

/// How long to wait when the operating system has no more connections to give.
const EXHAUSTED: Duration = Duration::from_millis(200);

/// What connections may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connections {
    /// How many there may be, WebSockets among them.
    pub connections: usize,
    /// How many of them one address may have: an IPv4 address, or 64 bits of an IPv6 address. Behind a trusted proxy, how
    /// many requests and WebSockets at once.
    pub connections_per_address: usize,
    /// How many of those may be without a valid token.
    pub anonymous_per_address: usize,
    /// The proxies whose own connections have no limit but that of all, and whose clients are counted instead.
    pub trusted_proxies: Vec<Network>,
    /// How many open files the listener keeps for connections that come when the operating system has no more to give.
    pub spare_files: usize,
    /// How long the head of a request may take, from its first byte; of the first one, from the opening of the connection.
    pub head_timeout: Duration,
    /// How long a connection may be without a request.
    pub idle_timeout: Duration,
    /// How long a connection may take nothing of what is written to it.
    pub write_timeout: Duration,
    /// How many headers a request may have.
    pub headers: usize,
    /// How long a request's head may be, in bytes.
    pub head: usize,
    /// How many requests may run at once on one connection, by HTTP/2.
    pub streams: u32,
    /// How many HTTP/2 frames that carry neither a request nor data a client may send a second, on the average of ten
    /// seconds, besides those for what it receives.
    pub control_frames: u32,
    /// How often an HTTP/2 connection is asked for a sign of life, and how long that may take.
    pub heartbeat: Duration,
    /// How long what runs may go on when the server stops.
    pub drain: Duration,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_address: 2_000,
            anonymous_per_address: 200,
            trusted_proxies: Vec::new(),
            spare_files: 0,
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
            headers: 64,
            head: 32 * 1024,
            streams: 100,
            control_frames: 50,
            heartbeat: Duration::from_secs(20),
            drain: Duration::from_secs(4),
        }
    }
}

/// What is served, and on whose behalf it is counted.
#[derive(Clone)]
pub struct Listening {
    /// What requests are answered with.
    pub router: Router,
    /// What connections may take.
    pub config: Connections,
    /// The certificate, where connections are encrypted here.
    pub tls: Option<Tls>,
    /// Counts connections.
    pub metrics: Metrics,
}

/// Serves until `stop` is cancelled: then nobody comes in any more, and who is in may finish within `drain`.
pub async fn serve(listener: TcpListener, listening: Listening, tasks: TaskTracker, stop: CancellationToken) {
    let Listening { router, config, tls, metrics } = listening;
    let seats = Seats::new(config.clone(), metrics.clone());
    let (spare, failures) = (SpareFiles::new(config.spare_files), LogLimit::default());
    let server = Arc::new(Server { builder: builder(&config, &tasks), router, config, tls, metrics, stop });
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = server.stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                if let Some(seat) = seats.take(peer.ip()) {
                    let (server, spare) = (Arc::clone(&server), spare.clone());
                    drop(tasks.spawn(async move {
                        server.connection(stream, peer, seat).await;
                        spare.fill();
                    }));
                } else {
                    debug!("Too many connections: one was refused");
                }
            }
            Err(error) if is_the_connection_s(&error) => {}
            Err(error) => {
                if let Some(omitted) = failures.permits() {
                    warn!(%error, omitted, "No connection can be accepted");
                }
                if !spare.release_one() {
                    sleep(EXHAUSTED).await;
                }
            }
        }
    }
}

/// Whether an error of `accept` is about the connection that came, and not about us.
fn is_the_connection_s(error: &io::Error) -> bool {
    use io::ErrorKind::ConnectionAborted;
    use io::ErrorKind::ConnectionRefused;
    use io::ErrorKind::ConnectionReset;
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

struct Server {
    builder: Builder<Tracked>,
    router: Router,
    config: Connections,
    tls: Option<Tls>,
    metrics: Metrics,
    stop: CancellationToken,
}

fn builder(config: &Connections, tasks: &TaskTracker) -> Builder<Tracked> {
    let mut builder = Builder::new(Tracked(tasks.clone()));
    let head = u32::try_from(config.head).unwrap_or(u32::MAX);
    builder
        .http1()
        .timer(TokioTimer::new())
        // It runs from the answer before, so it bounds the silence; `Pace` bounds the head.
        .header_read_timeout(config.idle_timeout.max(config.head_timeout))
        .max_headers(config.headers)
        .max_buf_size(config.head);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(config.streams)
        .max_header_list_size(head)
        .keep_alive_interval(config.heartbeat)
        .keep_alive_timeout(config.heartbeat);
    builder
}

impl Server {
    async fn connection(&self, stream: TcpStream, peer: SocketAddr, seat: Seat) {
        // An event follows an event: the kernel must not hold the second back until the first is confirmed.
        drop(stream.set_nodelay(true));
        let pace = Pace::default();
        let seat = Arc::new(seat);
        let stream = Seated::new(stream, Arc::clone(&seat), pace.clone());
        let Some(tls) = &self.tls else { return self.talk(stream, peer, seat, pace).await };
        let shaking = timeout(self.config.head_timeout, tls.acceptor().accept(stream));
        match self.stop.run_until_cancelled(shaking).await {
            Some(Ok(Ok(stream))) => {
                // What was heard so far was about the encryption.
                pace.begins();
                self.talk(stream, peer, seat, pace).await;
            }
            Some(Ok(Err(_)) | Err(_)) => self.metrics.refused(Refused::Handshake),
            None => {}
        }
    }

    async fn talk<S>(&self, stream: S, peer: SocketAddr, seat: Arc<Seat>, pace: Pace)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let asked = Arc::new(AtomicBool::new(false));
        let (routes, has_asked) = (TowerToHyperService::new(self.router.clone()), Arc::clone(&asked));
        let answering = pace.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            has_asked.store(true, Ordering::Relaxed);
            let answering = Arc::new(answering.asked(request.version()));
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(Arc::clone(&seat));
            request.extensions_mut().insert(Arc::clone(&answering));
            let answer = routes.call(request);
            async move { answer.await.map(|answer| answer.map(|body| held::with(body, answering))) }
        });
        let stream = Patient::new(stream, self.config.write_timeout);
        let stream = TokioIo::new(Http2Frames::new(stream, Rate::new(self.config.control_frames)));
        let mut connection = pin!(self.builder.serve_connection_with_upgrades(stream, service));
        let patience = sleep(self.config.head_timeout);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            // hyper's own deadline does not begin before it knows which protocol is spoken.
            () = until_nothing_was_asked(patience, &asked) => return,
            () = pace.head_is_late(self.config.head_timeout) => return,
            () = self.has_to_end(&pace) => {
                connection.as_mut().graceful_shutdown();
                match timeout(self.config.drain, connection).await {
                    Ok(ended) => ended,
                    Err(_) => return,
                }
            }
        };
        if let Err(error) = ended {
            debug!(error, "A connection broke");
        }
    }
}

impl Server {
    /// Ends when a connection gets no further request: the server stops, or the client has not sent one for long.
    async fn has_to_end(&self, pace: &Pace) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = pace.is_idle(self.config.idle_timeout) => {}
        }
    }
}

/// Ends when the patience is over and nothing has been asked till then.
async fn until_nothing_was_asked(patience: tokio::time::Sleep, asked: &AtomicBool) {
    patience.await;
    if asked.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
}

/// Spawns what an HTTP/2 connection runs beside itself on the tracker.
#[derive(Clone)]
struct Tracked(TaskTracker);

impl<F> Executor<F> for Tracked
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        drop(self.0.spawn(future));
    }
}

#[cfg(test)]
mod tests;
