//! The load generator: it posts submissions over HTTP/1.1 or HTTP/2 and keeps what it needs to check all of them.
//!
//! | module | what it is |
//! |---|---|
//! | [`plan`], [`tree`] | what is sent, and the roots of it |
//! | [`queries`] | the same for timestamp queries |
//! | [`heads`] | the same for logs that ask a witness, and every cosignature: verified |
//! | [`work`] | which requests there are to send, and until when |
//! | [`http1`] | HTTP/1.1, written and read by hand on one thread |
//! | [`http2`] | HTTP/2 with prior knowledge |
//! | [`response`] | the head of an HTTP/1.1 answer |
//! | [`get`] | one GET now and then |
//! | [`timestamps`] | every timestamp, and its proof: fetched and verified |
//! | [`receipts`] | every receipt, or every batch, of what was sent: fetched and verified |
//!
//! It shares the machine with the server that it measures, so it must be cheap: request bytes are made once, bodies
//! are written from where they lie, and what it checks, it checks after the clock has stopped.

pub mod get;
pub mod heads;
pub mod http1;
pub mod http2;
mod parallel;
pub mod plan;
pub mod queries;
pub mod receipts;
pub mod response;
pub mod timestamps;
pub mod tree;
pub mod work;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use clap::ValueEnum;

pub use work::{Answered, Outcome, Work};

/// Which HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Protocol {
    /// HTTP/1.1: one request at a time on each connection.
    Http1,
    /// HTTP/2 with prior knowledge: several streams on each connection.
    Http2,
}

/// How the load is put on the server.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Which HTTP.
    pub protocol: Protocol,
    /// Connections at once.
    pub connections: usize,
    /// Requests at once on each connection of HTTP/2.
    pub streams: usize,
    /// No request begins later than this; those that have begun end.
    pub duration: Duration,
}

impl Load {
    /// HTTP/1.1 on so many connections for so long.
    pub fn http1(connections: usize, duration: Duration) -> Load {
        Load { protocol: Protocol::Http1, connections, streams: 1, duration }
    }

    /// HTTP/2 on so many connections with so many streams each for so long.
    pub fn http2(connections: usize, streams: usize, duration: Duration) -> Load {
        Load { protocol: Protocol::Http2, connections, streams, duration }
    }

    /// Sends the work to a server and waits for the last answer.
    ///
    /// # Errors
    /// A connection failed, or an answer was no success: such a run is no figure.
    pub fn run(&self, server: SocketAddr, work: Arc<Work>) -> anyhow::Result<Outcome> {
        match self.protocol {
            Protocol::Http1 => http1::run(server, &work, self),
            Protocol::Http2 => http2::run(server, &work, self),
        }
    }
}
