//! The accept loop. `axum::serve` has no timeouts and no limits, so a client could keep an incomplete request open
//! permanently. This loop limits the time and size of a request head, and the number of connections.

mod connection_limit;
mod header_timeout;
mod http2_frames;
mod spare_files;
mod write_timeout;

use std::{
    io,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::{ConnectInfo, Request},
};
use hyper::{
    body::Incoming,
    rt::Executor,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};

use super::{
    body_guard,
    config::ConnectionConfig,
    log_limit::LogLimit,
    message_rate::MessageRate,
    metrics::{Metrics, RejectReason},
    tls::Tls,
};
use connection_limit::{ConnectionLimiter, Permitted};
use header_timeout::HeaderTimer;
use http2_frames::Http2Frames;
use spare_files::SpareFiles;
use write_timeout::WriteTimeout;

pub(super) use connection_limit::ConnectionPermit;
pub(super) use header_timeout::InFlight;

/// Delay after a failed `accept` if the operating system has no resources left.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(200);

/// Configuration of a listener.
#[derive(Clone)]
pub struct ListenerContext {
    /// Handles requests.
    pub router: Router,
    /// Limits and timeouts of connections.
    pub config: ConnectionConfig,
    /// The certificate; `None` for plain HTTP.
    pub tls: Option<Tls>,
    /// HTTP metrics.
    pub metrics: Metrics,
}

/// Serves until `stop` is cancelled. Then it accepts no more connections, and requests in progress have `drain` to
/// finish.
pub async fn serve(listener: TcpListener, listening: ListenerContext, tasks: TaskTracker, stop: CancellationToken) {
    let ListenerContext { router, config, tls, metrics } = listening;
    let limiter = ConnectionLimiter::new(config.clone(), metrics.clone());
    let (spare, failures) = (SpareFiles::new(config.spare_files), LogLimit::default());
    let server = Arc::new(Server { builder: builder(&config, &tasks), router, config, tls, metrics, stop });
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = server.stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                if let Some(permit) = limiter.acquire(peer.ip()) {
                    let (server, spare) = (Arc::clone(&server), spare.clone());
                    drop(tasks.spawn(async move {
                        server.spawn_connection(stream, peer, permit).await;
                        spare.fill();
                    }));
                } else {
                    debug!("Connection rejected: the limit is reached");
                }
            }
            Err(error) if is_connection_error(&error) => {}
            Err(error) => {
                if let Some(omitted) = failures.permits() {
                    warn!(%error, omitted, "Accepting connections failed");
                }
                if !spare.release_one() {
                    sleep(ACCEPT_RETRY_DELAY).await;
                }
            }
        }
    }
}

/// Returns whether an error of `accept` concerns only the new connection.
fn is_connection_error(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

struct Server {
    builder: Builder<TrackedExecutor>,
    router: Router,
    config: ConnectionConfig,
    tls: Option<Tls>,
    metrics: Metrics,
    stop: CancellationToken,
}

fn builder(config: &ConnectionConfig, tasks: &TaskTracker) -> Builder<TrackedExecutor> {
    let mut builder = Builder::new(TrackedExecutor(tasks.clone()));
    let head = u32::try_from(config.head).unwrap_or(u32::MAX);
    builder
        .http1()
        .timer(TokioTimer::new())
        // It starts at the previous response, so it limits the idle time; `HeaderTimer` limits the head.
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
    async fn spawn_connection(&self, stream: TcpStream, peer: SocketAddr, permit: ConnectionPermit) {
        // Events must be sent at once; Nagle's algorithm would delay the second one until the first is acknowledged.
        drop(stream.set_nodelay(true));
        let timer = HeaderTimer::default();
        let permit = Arc::new(permit);
        let stream = Permitted::new(stream, Arc::clone(&permit), timer.clone());
        let Some(tls) = &self.tls else { return self.serve_connection(stream, peer, permit, timer).await };
        let shaking = timeout(self.config.head_timeout, tls.acceptor().accept(stream));
        match self.stop.run_until_cancelled(shaking).await {
            Some(Ok(Ok(stream))) => {
                // The bytes received so far belong to the TLS handshake.
                timer.reset();
                self.serve_connection(stream, peer, permit, timer).await;
            }
            Some(Ok(Err(_)) | Err(_)) => self.metrics.refused(RejectReason::Handshake),
            None => {}
        }
    }

    async fn serve_connection<S>(&self, stream: S, peer: SocketAddr, permit: Arc<ConnectionPermit>, timer: HeaderTimer)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let asked = Arc::new(AtomicBool::new(false));
        let (routes, has_asked) = (TowerToHyperService::new(self.router.clone()), Arc::clone(&asked));
        let answering = timer.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            has_asked.store(true, Ordering::Relaxed);
            let answering = Arc::new(answering.request_started(request.version()));
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(Arc::clone(&permit));
            request.extensions_mut().insert(Arc::clone(&answering));
            let answer = routes.call(request);
            async move { answer.await.map(|answer| answer.map(|body| body_guard::attach(body, answering))) }
        });
        let stream = WriteTimeout::new(stream, self.config.write_timeout);
        let stream = TokioIo::new(Http2Frames::new(stream, MessageRate::new(self.config.control_frames)));
        let mut connection = pin!(self.builder.serve_connection_with_upgrades(stream, service));
        let time_limit = sleep(self.config.head_timeout);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            // hyper's own timeout starts only when it has detected the protocol.
            () = first_request_deadline(time_limit, &asked) => return,
            () = timer.timeout(self.config.head_timeout) => return,
            () = self.until_closing(&timer) => {
                connection.as_mut().graceful_shutdown();
                match timeout(self.config.drain, connection).await {
                    Ok(ended) => ended,
                    Err(_) => return,
                }
            }
        };
        if let Err(error) = ended {
            debug!(error, "Connection failed");
        }
    }
}

impl Server {
    /// Resolves when a connection gets no further request: the server stops, or the client has been idle for too long.
    async fn until_closing(&self, timer: &HeaderTimer) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = timer.is_idle(self.config.idle_timeout) => {}
        }
    }
}

/// Resolves when the timeout has passed without a request.
async fn first_request_deadline(time_limit: tokio::time::Sleep, asked: &AtomicBool) {
    time_limit.await;
    if asked.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
}

/// Spawns the tasks of an HTTP/2 connection on the tracker.
#[derive(Clone)]
struct TrackedExecutor(TaskTracker);

impl<F> Executor<F> for TrackedExecutor
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
