//! The accept loop: connections within their number, each with timers, until the stop.
//!
//! A connection on which no byte moves is closed ([`Idle`]): hyper's own timer for a request's headers starts only
//! once it knows the protocol, so one that never sends a byte, or one byte of an HTTP/2 preface, would stay for ever.
//!
//! What this does not do: no TLS, and no limit for a single address.

use std::{
    sync::{Arc, atomic::AtomicI64},
    time::Duration,
};

use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use prometheus_client::metrics::gauge::Gauge;

use super::idle::Idle;
use crate::{bastion, config::Limits};

/// Request lines and headers together; a witness needs a few hundred bytes.
const MAX_HEADER_BYTES: usize = 16 * 1024;
const MAX_HEADERS: usize = 64;
/// HTTP/2 requests at once on one connection.
const MAX_STREAMS: u32 = 8;
/// HTTP/2 requests at once through a bastion.
const MAX_BASTION_STREAMS: u32 = 128;
/// A ping after so long; without an answer for so long, the connection is dead.
const PING: Duration = Duration::from_secs(20);
const PING_ANSWER: Duration = Duration::from_secs(10);
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

    /// Serves HTTP/2 on a connection to a bastion, for as long as it can be had.
    pub(crate) fn serve_bastion(
        &self,
        stream: bastion::Connection,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (stop, shutdown_timeout) = (self.stop.clone(), self.limits.shutdown_timeout());
        let service = TowerToHyperService::new(self.router.clone());
        let mut builder = builder(&self.limits);
        // All logs come over this one connection. Pings find out that it is dead: nobody else would.
        builder
            .http2()
            .max_concurrent_streams(MAX_BASTION_STREAMS)
            .keep_alive_interval(PING)
            .keep_alive_timeout(PING_ANSWER);
        async move {
            let builder = builder.http2_only();
            let io = TokioIo::new(Idle::new(stream, PING + PING_ANSWER * 2));
            let mut connection = std::pin::pin!(builder.serve_connection(io, service));
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    timeout(shutdown_timeout, connection).await.unwrap_or(Ok(()))
                }
            };
            if let Err(error) = ended {
                tracing::warn!(error, "the connection to the bastion broke");
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
