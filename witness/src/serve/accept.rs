//! The accept loop: connections within their number, each with timers, until the stop.
//!
//! A connection on which no byte moves is closed ([`Idle`]): hyper's own timer for a request's headers starts only
//! once it knows the protocol, so one that never sends a byte, or one byte of an HTTP/2 preface, would stay for ever.
//!
//! What this does not do: no TLS, and no limit for a single address.

use std::{
    io,
    pin::Pin,
    sync::{Arc, atomic::AtomicI64},
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{Instant, Sleep, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use prometheus_client::metrics::gauge::Gauge;

use crate::config::Limits;

/// Request lines and headers together; a witness needs a few hundred bytes.
const MAX_HEADER_BYTES: usize = 16 * 1024;
const MAX_HEADERS: usize = 64;
/// HTTP/2 requests at once on one connection.
const MAX_STREAMS: u32 = 8;
/// However busy, a connection ends after so long: HTTP/2 pings alone would keep it for ever.
const MAX_AGE: Duration = Duration::from_secs(600);
/// After a failure to accept (no file descriptors left) the loop waits this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What every connection of one listener shares.
pub(crate) struct Acceptor {
    pub(crate) router: Router,
    pub(crate) limits: Limits,
    /// How many are open.
    pub(crate) connections: Gauge<i64, AtomicI64>,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

impl Acceptor {
    /// Accepts until the stop.
    pub(crate) async fn run(self, listener: TcpListener) {
        let max = usize::try_from(self.limits.max_connections.get()).unwrap_or(Semaphore::MAX_PERMITS);
        let open = Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS)));
        let stop = self.stop.clone();
        loop {
            let accepted = stop.run_until_cancelled(async {
                // INVARIANT: a connection is accepted only when it may be open; more wait in the backlog.
                let permit = Arc::clone(&open).acquire_owned().await;
                (permit, listener.accept().await)
            });
            match accepted.await {
                None => return,
                Some((permit, Ok((stream, _)))) => {
                    let connection = self.serve(stream);
                    self.tasks.spawn(async move {
                        connection.await;
                        drop(permit);
                    });
                }
                Some((_, Err(error))) => {
                    tracing::warn!(%error, "can't accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn serve(&self, stream: TcpStream) -> impl Future<Output = ()> + Send + 'static {
        // A witness's answers are small: waiting to fill a packet only costs time.
        let _ = stream.set_nodelay(true);
        let (limits, stop, open) = (self.limits, self.stop.clone(), Open::new(self.connections.clone()));
        let service = TowerToHyperService::new(self.router.clone());
        async move {
            let builder = builder(&limits);
            let io = TokioIo::new(Idle::new(stream, limits.idle_timeout()));
            let mut connection = std::pin::pin!(builder.serve_connection(io, service));
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
                () = sleep(MAX_AGE) => {
                    connection.as_mut().graceful_shutdown();
                    timeout(limits.request_timeout() * 2, connection).await.unwrap_or(Ok(()))
                }
            };
            if let Err(error) = ended {
                tracing::debug!(error, "a connection ended early");
            }
            drop(open);
        }
    }
}

/// One open connection.
struct Open(Gauge<i64, AtomicI64>);

impl Open {
    fn new(connections: Gauge<i64, AtomicI64>) -> Open {
        connections.inc();
        Open(connections)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn builder(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.idle_timeout())
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEADER_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(u32::try_from(MAX_HEADER_BYTES).unwrap_or(u32::MAX));
    builder
}

/// A stream that fails once no byte has moved for a while, in either direction.
struct Idle {
    stream: TcpStream,
    timeout: Duration,
    last_byte: Instant,
    /// Fires at `last_byte + timeout` or before; set anew only when it fires, so that a byte costs no timer.
    timer: Pin<Box<Sleep>>,
}

impl Idle {
    fn new(stream: TcpStream, timeout: Duration) -> Idle {
        Idle { stream, timeout, last_byte: Instant::now(), timer: Box::pin(sleep(timeout)) }
    }

    fn moved<T>(&mut self, done: io::Result<T>) -> Poll<io::Result<T>> {
        self.last_byte = Instant::now();
        Poll::Ready(done)
    }

    fn waits<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let deadline = self.last_byte + self.timeout;
            if deadline <= Instant::now() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            self.timer.as_mut().reset(deadline);
        }
    }
}

impl AsyncRead for Idle {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.stream).poll_read(cx, buf) {
            Poll::Ready(done) => this.moved(done),
            Poll::Pending => this.waits(cx),
        }
    }
}

impl AsyncWrite for Idle {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match Pin::new(&mut this.stream).poll_write(cx, buf) {
            Poll::Ready(done) => this.moved(done),
            Poll::Pending => this.waits(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match Pin::new(&mut this.stream).poll_write_vectored(cx, bufs) {
            Poll::Ready(done) => this.moved(done),
            Poll::Pending => this.waits(cx),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
