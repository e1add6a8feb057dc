//! The accept loop: what stands between the network and the routes. `axum::serve` has no clock, so that half a request
//! stays for ever, and counts nothing; this one bounds how long a request's head may take, how big it is, and how many
//! connections there are.

mod pace;
mod patience;
mod seat;

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

use super::metrics::Metrics;
use super::metrics::Refused;
use super::tls::Tls;
use pace::Pace;
use patience::Patient;
use seat::Seat;
use seat::Seated;
use seat::Seats;

/// How long to wait when the operating system has no more connections to give.
const EXHAUSTED: Duration = Duration::from_millis(200);

/// What connections may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connections {
    /// How many there may be, WebSockets among them.
    pub connections: usize,
    /// How many of them one address may have.
    pub connections_per_address: usize,
    /// How long the head of a request may take, from its first byte; of the first one, from the opening of the connection.
    pub head_timeout: Duration,
    /// How long an HTTP/1 connection may be silent between two requests.
    pub idle_timeout: Duration,
    /// How long a connection may take nothing of what is written to it.
    pub write_timeout: Duration,
    /// How many headers a request may have.
    pub headers: usize,
    /// How long a request's head may be, in bytes.
    pub head: usize,
    /// How many requests may run at once on one connection, by HTTP/2.
    pub streams: u32,
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
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
            headers: 64,
            head: 32 * 1024,
            streams: 100,
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
    let seats = Seats::new(config.connections, config.connections_per_address, metrics.clone());
    let server = Arc::new(Server { builder: builder(&config, &tasks), router, config, tls, metrics, stop });
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = server.stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                if let Some(seat) = seats.take(peer.ip()) {
                    drop(tasks.spawn(Arc::clone(&server).connection(stream, peer, seat)));
                } else {
                    debug!("Too many connections: one was refused");
                }
            }
            Err(error) if is_the_connection_s(&error) => {}
            Err(error) => {
                warn!(%error, "No connection can be accepted");
                sleep(EXHAUSTED).await;
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
    async fn connection(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, seat: Seat) {
        // An event follows an event: the kernel must not hold the second back until the first is confirmed.
        drop(stream.set_nodelay(true));
        let pace = Pace::default();
        let stream = Seated::new(stream, seat, pace.clone());
        let Some(tls) = &self.tls else { return self.talk(stream, peer, pace).await };
        let shaking = timeout(self.config.head_timeout, tls.acceptor().accept(stream));
        match self.stop.run_until_cancelled(shaking).await {
            Some(Ok(Ok(stream))) => {
                // What was heard so far was about the encryption.
                pace.begins();
                self.talk(stream, peer, pace).await;
            }
            Some(Ok(Err(_)) | Err(_)) => self.metrics.refused(Refused::Handshake),
            None => {}
        }
    }

    async fn talk<S>(&self, stream: S, peer: SocketAddr, pace: Pace)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let asked = Arc::new(AtomicBool::new(false));
        let (routes, has_asked) = (TowerToHyperService::new(self.router.clone()), Arc::clone(&asked));
        let answering = pace.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            has_asked.store(true, Ordering::Relaxed);
            let answering = answering.asked(request.version());
            request.extensions_mut().insert(ConnectInfo(peer));
            let answer = routes.call(request);
            async move { answer.await.map(|answer| answer.map(|body| answering.until_the_end_of(body))) }
        });
        let stream = TokioIo::new(Patient::new(stream, self.config.write_timeout));
        let mut connection = pin!(self.builder.serve_connection_with_upgrades(stream, service));
        let patience = sleep(self.config.head_timeout);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            // hyper's own deadline does not begin before it knows which protocol is spoken.
            () = until_nothing_was_asked(patience, &asked) => return,
            () = pace.head_is_late(self.config.head_timeout) => return,
            () = self.stop.cancelled() => {
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
