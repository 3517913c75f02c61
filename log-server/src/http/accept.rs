//! The accept loop: HTTP/1.1 and HTTP/2 on one port (with prior knowledge, or by TLS's ALPN), with a limit to everything.
//!
//! Why not the framework's own loop: it sets no timers. Here a connection that sends no whole request in time is
//! closed (hyper's own timer knows nothing of the bytes before it can tell the version), as is one that idles, one
//! whose peer stops reading, and an HTTP/2 one that answers no ping. Connections beyond the limit wait in the
//! system's queue, and a TLS handshake has as long as a request's head. Requests' bodies have deadlines of their own
//! (`body`).

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{body::Body, http::Request, response::Response};
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Api, metrics::HttpMetrics, room::Rooms, stall::Stall, tls::Tls};
use crate::{
    access::Peer,
    broken::{Promise, is_broken},
    config::Limits,
};

/// A connection without a request is closed after so many header timeouts. HTTP/1 has hyper's timer before that.
const IDLE_TICKS: u32 = 12;
/// An answer of at most so many bytes is not watched on its way.
const SMALL_ANSWER: u64 = 16 * 1024;
/// What a broken promise makes of every time-out.
const DAY: Duration = Duration::from_secs(86_400);
/// How long to wait when the system has no more sockets.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// A listener at work.
#[derive(Debug)]
pub struct Server {
    stop: CancellationToken,
    connections: TaskTracker,
}

impl Server {
    /// Begins to accept connections and answers their requests by `api`, over TLS if there is a certificate.
    pub fn start(
        listener: TcpListener,
        api: Api,
        limits: &Limits,
        metrics: HttpMetrics,
        tls: Option<Tls>,
    ) -> Server {
        let (header, patience, ping) = match is_broken(Promise::Patience) {
            true => (DAY, DAY, DAY),
            false => (limits.header, limits.body_idle, limits.ping),
        };
        let stop = CancellationToken::new();
        let connections = TaskTracker::new();
        let acceptor = Acceptor {
            rooms: Rooms::new(header, ping),
            api,
            header,
            patience,
            places: Arc::new(Semaphore::new(limits.max_connections)),
            metrics,
            tls,
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

#[derive(Debug)]
struct Acceptor {
    rooms: Rooms,
    api: Api,
    header: Duration,
    patience: Duration,
    places: Arc<Semaphore>,
    metrics: HttpMetrics,
    tls: Option<Tls>,
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
            let (stream, peer) = tokio::select! {
                () = self.stop.cancelled() => return,
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => (stream, Peer(peer.ip())),
                    Err(error) => {
                        accept_failed(&error).await;
                        continue;
                    }
                },
            };
            let open = self.metrics.connect();
            let connection = self.connection(stream, peer);
            self.connections.spawn(async move {
                connection.await;
                drop((open, place));
            });
        }
    }

    /// Serves one connection to its end.
    fn connection(&self, stream: TcpStream, peer: Peer) -> impl Future<Output = ()> + use<> {
        // Small answers must not wait for each other; where it fails they do, and no harm is done.
        let _ = stream.set_nodelay(true);
        let stream = Stall::new(stream, self.patience);
        let (tls, metrics) = (self.tls.clone(), self.metrics.clone());
        let (builder, room) = self.rooms.next();
        let served = Served {
            builder,
            patience: self.patience,
            api: self.api.clone(),
            stop: self.stop.clone(),
            header: self.header,
            peer,
        };
        async move {
            let _room = room;
            let Some(tls) = tls else { return served.until_its_end(stream).await };
            // INVARIANT 7: whoever never ends the handshake has no place for ever.
            match timeout(served.header, tls.accept(stream)).await {
                Ok(Ok(stream)) => served.until_its_end(stream).await,
                Ok(Err(error)) => {
                    metrics.handshake_failed();
                    tracing::debug!(%error, "a TLS handshake failed");
                }
                Err(_) => metrics.handshake_failed(),
            }
        }
    }
}

/// What a connection is served with.
struct Served {
    builder: Arc<Builder<TokioExecutor>>,
    patience: Duration,
    api: Api,
    stop: CancellationToken,
    header: Duration,
    peer: Peer,
}

impl Served {
    async fn until_its_end<IO>(self, stream: IO)
    where
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Served { builder, patience, api, stop, header, peer } = self;
        let activity = Arc::new(Activity::default());
        let service = service_fn(|request| answer(api.clone(), request, peer, Arc::clone(&activity)));
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let mut tick = interval(header);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tick.reset();
        let mut watch = Watch::new(header, patience);
        let mut stopping = false;
        loop {
            tokio::select! {
                // No draw for the order at each wake-up: the first is ready only once, at the end.
                biased;
                result = poll_fn(|cx| {
                    activity.begin_turn();
                    connection.as_mut().poll(cx)
                }) => {
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
    mut request: Request<Incoming>,
    peer: Peer,
    activity: Arc<Activity>,
) -> Result<Response, Infallible> {
    let running = Running::begin(Arc::clone(&activity));
    activity.take_turn().await;
    request.extensions_mut().insert(peer);
    let answer = api.answer(request.map(Body::new)).await;
    drop(running);
    Ok(answer.map(|body| Sending::watched(body, &activity)))
}

/// An answer on its way: each piece that the peer takes is noted for the one who watches the connection.
struct Sending {
    body: Body,
    activity: Arc<Activity>,
}

impl Sending {
    /// Small answers leave at once, or wait in the connection's own buffer.
    fn watched(body: Body, activity: &Arc<Activity>) -> Body {
        if body.size_hint().exact().is_some_and(|bytes| bytes <= SMALL_ANSWER) {
            return body;
        }
        activity.sending.fetch_add(1, Ordering::Relaxed);
        Body::new(Sending { body, activity: Arc::clone(activity) })
    }
}

impl http_body::Body for Sending {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.activity.given.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.activity.sending.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What the handlers of a connection do, for the one who watches it.
#[derive(Debug, Default)]
struct Activity {
    begun: AtomicUsize,
    running: AtomicUsize,
    /// Large answers that are being sent.
    sending: AtomicUsize,
    /// Pieces of them that were taken.
    given: AtomicUsize,
    /// A request of its was begun in this turn.
    has_had_turn: AtomicBool,
}

/// One request a turn: hyper answers up to sixteen that a peer has sent at once before any other connection has the thread, so
/// that a thousand such peers would make everybody else wait for sixteen thousand answers.
impl Activity {
    /// The connection has the thread again.
    fn begin_turn(&self) {
        self.has_had_turn.store(false, Ordering::Relaxed);
    }

    /// Waits behind the other connections if this one has begun a request already.
    async fn take_turn(&self) {
        if self.has_had_turn.swap(true, Ordering::Relaxed) {
            tokio::task::yield_now().await;
            self.has_had_turn.store(true, Ordering::Relaxed);
        }
    }
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
#[derive(Debug)]
struct Watch {
    seen: usize,
    idle: u32,
    given: usize,
    stuck: u32,
    /// So many ticks may pass without a piece of a large answer being taken.
    patience: u32,
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Keep,
    /// Idle for long: no new requests, what is being written is finished.
    End,
    /// Never a whole request head, or an answer that nobody takes.
    Drop,
}

impl Watch {
    fn new(tick: Duration, patience: Duration) -> Watch {
        let ticks = patience.as_millis().div_ceil(tick.as_millis().max(1));
        let patience = u32::try_from(ticks).unwrap_or(u32::MAX).max(1);
        Watch { seen: 0, idle: 0, given: 0, stuck: 0, patience }
    }

    fn tick(&mut self, activity: &Activity) -> Verdict {
        let begun = activity.begun.load(Ordering::Relaxed);
        if begun == 0 {
            return Verdict::Drop;
        }
        // On HTTP/2 a peer may leave a stream's window closed and answer every ping: `Stall` sees nothing of that.
        let given = activity.given.load(Ordering::Relaxed);
        let sending = activity.sending.load(Ordering::Relaxed) > 0;
        self.stuck = if sending && given == self.given { self.stuck + 1 } else { 0 };
        self.given = given;
        if self.stuck > self.patience {
            return Verdict::Drop;
        }
        let busy = begun != self.seen || sending || activity.running.load(Ordering::Relaxed) > 0;
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
