//! What a connection may make the server hold: bytes that were read and not yet worked on, and answers not yet taken.
//!
//! INVARIANT 7: connections times streams is bounded in bytes. The first connections get room for what a peer far away
//! needs in flight, all others a little: enough to be served, one request at a time. So it takes thousands of peers that
//! fill everything they may and then stop to make the server hold what the assertion below says.

use std::{sync::Arc, time::Duration};

use hyper_util::{
    rt::{TokioExecutor, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many connections at once have much room.
pub(super) const LARGE_ROOMS: usize = 128;

/// What one connection may hold, in bytes.
#[derive(Clone, Copy, Debug)]
struct Room {
    /// Requests at once on one HTTP/2 connection.
    streams: u32,
    /// A request's head on HTTP/2.
    head: u32,
    /// HTTP/2: what is read ahead of the handlers, all streams together.
    window: u32,
    /// HTTP/1: the same, and a head must fit in too.
    buffer: usize,
    /// HTTP/2: what a stream's answer may be ahead of its peer.
    send: usize,
}

const LARGE: Room =
    Room { streams: 16, head: 16 * 1024, window: 256 * 1024, buffer: 64 * 1024, send: 64 * 1024 };
const SMALL: Room = Room { streams: 1, head: 8 * 1024, window: 16 * 1024, buffer: 16 * 1024, send: 8 * 1024 };

impl Room {
    /// Heads and bodies that a peer can make the server read and keep.
    const fn most_read(self) -> usize {
        let http2 = self.streams as usize * self.head as usize + self.window as usize;
        if http2 > self.buffer { http2 } else { self.buffer }
    }
}

// 64 MiB and, with the default of 4,096 connections, 93 MiB. A peer that never acknowledges SETTINGS may send 65,535 bytes
// of body at first (RFC 9113 section 6.9.2), which the handlers take as fast as the threads that hash have room for.
const _: () = assert!(LARGE_ROOMS * LARGE.most_read() == 64 << 20);
const _: () = assert!((4096 - LARGE_ROOMS) * SMALL.most_read() == 93 << 20);

/// Gives each connection its room.
#[derive(Debug)]
pub(super) struct Rooms {
    places: Arc<Semaphore>,
    large: Arc<Builder<TokioExecutor>>,
    small: Arc<Builder<TokioExecutor>>,
}

impl Rooms {
    /// `header` is how long a head may take on HTTP/1; an HTTP/2 peer that says nothing is asked each `ping`, and has as
    /// long to answer.
    pub(super) fn new(header: Duration, ping: Duration) -> Rooms {
        Rooms {
            places: Arc::new(Semaphore::new(LARGE_ROOMS)),
            large: Arc::new(builder(LARGE, header, ping)),
            small: Arc::new(builder(SMALL, header, ping)),
        }
    }

    /// For the next connection; what comes beside it is to be kept as long as the connection stands.
    pub(super) fn next(&self) -> (Arc<Builder<TokioExecutor>>, Option<OwnedSemaphorePermit>) {
        match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => (Arc::clone(&self.large), Some(place)),
            Err(_) => (Arc::clone(&self.small), None),
        }
    }
}

fn builder(room: Room, header: Duration, ping: Duration) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(header)
        // A client may close its side once it has sent everything, and still read.
        .half_close(true)
        .max_buf_size(room.buffer)
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(room.streams)
        .max_header_list_size(room.head)
        .initial_stream_window_size(room.window)
        // Less than this no connection can have; with one stream the stream's window decides.
        .initial_connection_window_size(room.window.max(65_535))
        .max_send_buf_size(room.send)
        .keep_alive_interval(ping)
        .keep_alive_timeout(ping);
    builder
}
