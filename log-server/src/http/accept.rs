//! The accept loop: HTTP/1.1 and HTTP/2 with prior knowledge on one port, with a limit to everything.
//!
//! Why not the framework's own loop: it sets no timers. Here a connection that sends no whole request in time is
//! closed (hyper's own timer knows nothing of the bytes before it can tell the version), as is one that idles, one
//! whose peer stops reading, and an HTTP/2 one that answers no ping. Connections beyond the limit wait in the
//! system's queue. Requests' bodies have deadlines of their own (`body`).

use std::{
    convert::Infallible,
    future::Future,
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{body::Body, http::Request, response::Response};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Api, metrics::HttpMetrics, stall::Stall};
use crate::config::Limits;

/// Requests at once on one HTTP/2 connection.
const MAX_STREAMS: u32 = 16;
/// A request's head.
const MAX_HEADER_BYTES: u32 = 16 * 1024;
/// What is read ahead of a handler on an HTTP/1 connection: 4,096 of them stay below 270 MB. A head must fit in too.
const BUFFER: usize = 64 * 1024;
/// The same for HTTP/2, where a peer far away needs more in flight.
const WINDOW: u32 = 256 * 1024;
/// An HTTP/2 peer that says nothing is asked this often, and has as long to answer.
const PING: Duration = Duration::from_secs(20);
/// A connection without a request is closed after so many header timeouts. HTTP/1 has hyper's timer before that.
const IDLE_TICKS: u32 = 12;
/// How long to wait when the system has no more sockets.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// A listener at work.
#[derive(Debug)]
pub struct Server {
    stop: CancellationToken,
    connections: TaskTracker,
}

impl Server {
    /// Begins to accept connections and answers their requests by `api`.
    pub fn start(listener: TcpListener, api: Api, limits: &Limits, metrics: HttpMetrics) -> Server {
        let stop = CancellationToken::new();
        let connections = TaskTracker::new();
        let acceptor = Acceptor {
            builder: Arc::new(builder(limits.header)),
            api,
            header: limits.header,
            patience: limits.body_idle,
            places: Arc::new(Semaphore::new(limits.max_connections)),
            metrics,
            stop: stop.clone(),
            connections: connections.clone(),
        };
        connections.spawn(acceptor.run(listener));
        Server { stop, connections }
    }

    /// Closes the listener, lets requests end that have begun, and after `grace` leaves the rest to their fate.
    pub async fn stop(self, grace: Duration) {
        self.stop.cancel();
        self.connections.close();
        if timeout(grace, self.connections.wait()).await.is_err() {
            tracing::warn!(left = self.connections.len(), "connections did not end in time");
        }
    }
}

fn builder(header: Duration) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(header)
        // A client may close its side once it has sent everything, and still read.
        .half_close(true)
        .max_buf_size(BUFFER)
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADER_BYTES)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING);
    builder
}

#[derive(Debug)]
struct Acceptor {
    builder: Arc<Builder<TokioExecutor>>,
    api: Api,
    header: Duration,
    patience: Duration,
    places: Arc<Semaphore>,
    metrics: HttpMetrics,
    stop: CancellationToken,
    connections: TaskTracker,
}

impl Acceptor {
    async fn run(self, listener: TcpListener) {
        loop {
            // The place comes first: who has none is not accepted.
            let place = tokio::select! {
                () = self.stop.cancelled() => return,
                place = Arc::clone(&self.places).acquire_owned() => place.expect("never closed"),
            };
            let stream = tokio::select! {
                () = self.stop.cancelled() => return,
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        accept_failed(&error).await;
                        continue;
                    }
                },
            };
            let open = self.metrics.connect();
            let connection = self.connection(stream);
            self.connections.spawn(async move {
                connection.await;
                drop((open, place));
            });
        }
    }

    /// Serves one connection to its end.
    fn connection(&self, stream: TcpStream) -> impl Future<Output = ()> + use<> {
        // Small answers must not wait for each other; where it fails they do, and no harm is done.
        let _ = stream.set_nodelay(true);
        let io = TokioIo::new(Stall::new(stream, self.patience));
        let (builder, api, stop, header) =
            (Arc::clone(&self.builder), self.api.clone(), self.stop.clone(), self.header);
        async move {
            let activity = Arc::new(Activity::default());
            let service = service_fn(|request| answer(api.clone(), request, Arc::clone(&activity)));
            let mut connection = pin!(builder.serve_connection(io, service));
            let mut tick = interval(header);
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            tick.reset();
            let mut watch = Watch::default();
            let mut stopping = false;
            loop {
                tokio::select! {
                    // No draw for the order at each wake-up: the first is ready only once, at the end.
                    biased;
                    result = connection.as_mut() => {
                        if let Err(error) = result {
                            tracing::debug!(%error, "a connection ended early");
                        }
                        return;
                    }
                    () = stop.cancelled(), if !stopping => {
                        stopping = true;
                        connection.as_mut().graceful_shutdown();
                    }
                    _ = tick.tick() => match watch.tick(&activity) {
                        Verdict::Keep => {}
                        Verdict::End => connection.as_mut().graceful_shutdown(),
                        Verdict::Drop => return,
                    },
                }
            }
        }
    }
}

async fn accept_failed(error: &io::Error) {
    use io::ErrorKind as Kind;
    if matches!(error.kind(), Kind::ConnectionAborted | Kind::ConnectionReset | Kind::ConnectionRefused) {
        return;
    }
    // Out of file descriptors or memory: trying again at once would only burn the processor.
    tracing::error!(%error, "no connection can be accepted");
    sleep(EXHAUSTED).await;
}

async fn answer(
    api: Api,
    request: Request<Incoming>,
    activity: Arc<Activity>,
) -> Result<Response, Infallible> {
    let _running = Running::begin(activity);
    Ok(api.answer(request.map(Body::new)).await)
}

/// What the handlers of a connection do, for the one who watches it.
#[derive(Debug, Default)]
struct Activity {
    begun: AtomicUsize,
    running: AtomicUsize,
}

/// A request being answered; its future may be dropped at any point.
struct Running(Arc<Activity>);

impl Running {
    fn begin(activity: Arc<Activity>) -> Running {
        activity.begun.fetch_add(1, Ordering::Relaxed);
        activity.running.fetch_add(1, Ordering::Relaxed);
        Running(activity)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Looks at a connection once each header timeout.
#[derive(Debug, Default)]
struct Watch {
    seen: usize,
    idle: u32,
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Keep,
    /// Idle for long: no new requests, what is being written is finished.
    End,
    /// Never a whole request head.
    Drop,
}

impl Watch {
    fn tick(&mut self, activity: &Activity) -> Verdict {
        let begun = activity.begun.load(Ordering::Relaxed);
        if begun == 0 {
            return Verdict::Drop;
        }
        let busy = begun != self.seen || activity.running.load(Ordering::Relaxed) > 0;
        self.seen = begun;
        self.idle = if busy { 0 } else { self.idle + 1 };
        match self.idle {
            // An HTTP/2 peer that answers pings but not the one of the shutdown would stay for ever.
            idle if idle >= 3 * IDLE_TICKS => Verdict::Drop,
            idle if idle >= IDLE_TICKS => Verdict::End,
            _ => Verdict::Keep,
        }
    }
}

#[cfg(test)]
mod tests;
