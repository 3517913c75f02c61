//! HTTP/1.1 by hand: one thread, one poll, and for each answer one read and one write.
//!
//! A library would cost several times the processor time of the socket itself, which is then missing in the server
//! beside it.

use std::{
    io::{self, IoSlice, Read as _, Write as _},
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use mio::{Events, Interest, Poll, Token, net::TcpStream};

use super::{
    Load, Outcome,
    response::Head,
    work::{Body, Numbers, Work},
};

/// An answer may take so long before the run is given up.
const PATIENCE: Duration = Duration::from_secs(60);
/// What one read takes at most.
const READ: usize = 64 * 1024;

pub(super) fn run(server: SocketAddr, work: &Work, load: &Load) -> anyhow::Result<Outcome> {
    let mut poll = Poll::new().context("epoll")?;
    let count = u64::try_from(load.connections)?.min(work.len());
    let mut connections = Vec::new();
    for _ in 0..count {
        let mut connection = Connection::open(server).with_context(|| {
            format!("connection {} of {count} to {server} (ulimit -n?)", connections.len() + 1)
        })?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut connection.stream, Token(connections.len()), interest)?;
        connections.push(connection);
    }

    let begun = Instant::now();
    let numbers = Numbers::new(work, begun + load.duration);
    let prebuilt = work.prebuilt_head();
    let mut driver =
        Driver { work, numbers, prebuilt, buffer: vec![0; READ], outcome: Outcome::default(), running: 0 };
    for connection in &mut connections {
        driver.begin(connection)?;
    }
    let mut events = Events::with_capacity(1024);
    while driver.running > 0 {
        if let Err(error) = poll.poll(&mut events, Some(PATIENCE)) {
            if error.kind() == io::ErrorKind::Interrupted {
                continue;
            }
            return Err(error.into());
        }
        if events.is_empty() {
            bail!("{} requests were not answered within {} s", driver.running, PATIENCE.as_secs());
        }
        for event in &events {
            driver.drive(&mut connections[event.token().0])?;
        }
    }
    driver.outcome.elapsed = begun.elapsed();
    Ok(driver.outcome)
}

struct Connection {
    stream: TcpStream,
    /// The request under way.
    request: Option<Request>,
    /// Its head, and its body if that is small.
    head: Vec<u8>,
    /// What has come of its answer, if that was not all in one read.
    pending: Vec<u8>,
}

#[derive(Clone, Copy)]
struct Request {
    n: u64,
    body: Body,
    written: usize,
    begun: Instant,
}

impl Connection {
    fn open(server: SocketAddr) -> io::Result<Connection> {
        // Connected before it is made non-blocking: the time of connecting is nobody's figure.
        let stream = std::net::TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let stream = TcpStream::from_std(stream);
        Ok(Connection { stream, request: None, head: Vec::new(), pending: Vec::new() })
    }

    /// Writes what the socket takes.
    fn write(&mut self, base: &[u8]) -> io::Result<()> {
        let Some(request) = &mut self.request else { return Ok(()) };
        let (before, leaf, after): (&[u8], &[u8], &[u8]) = match &request.body {
            Body::None => (&[], &[], &[]),
            Body::Changed(changed) => {
                let at = changed.index * 32;
                (&base[..at], &changed.leaf, &base[at + 32..])
            }
        };
        let parts = [self.head.as_slice(), before, leaf, after];
        let total: usize = parts.iter().map(|part| part.len()).sum();
        while request.written < total {
            let mut skip = request.written;
            let slices = parts.map(|part| {
                let skipped = skip.min(part.len());
                skip -= skipped;
                IoSlice::new(&part[skipped..])
            });
            match self.stream.write_vectored(&slices) {
                Ok(written) => request.written += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

struct Driver<'a> {
    work: &'a Work,
    numbers: Numbers,
    prebuilt: Vec<u8>,
    buffer: Vec<u8>,
    outcome: Outcome,
    running: usize,
}

impl Driver<'_> {
    /// Begins the next request on a connection that has none.
    fn begin(&mut self, connection: &mut Connection) -> anyhow::Result<()> {
        let begun = Instant::now();
        let Some(n) = self.numbers.next(begun) else { return Ok(()) };
        let body = self.work.write_head(n, &self.prebuilt, &mut connection.head);
        connection.request = Some(Request { n, body, written: 0, begun });
        self.running += 1;
        Ok(connection.write(self.work.base())?)
    }

    /// Does what an event allows. Events come at edges only: each is followed until the socket has no more.
    fn drive(&mut self, connection: &mut Connection) -> anyhow::Result<()> {
        connection.write(self.work.base())?;
        loop {
            match connection.stream.read(&mut self.buffer) {
                Ok(0) if connection.request.is_none() => return Ok(()),
                Ok(0) => bail!("the server closed a connection before it answered"),
                Ok(read) => {
                    self.take(connection, read)?;
                    // A short read has emptied the socket: the next bytes are a new event.
                    if read < self.buffer.len() {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("reading an answer"),
            }
        }
    }

    /// Takes what was read into the buffer; when it completes the answer, the next request begins.
    fn take(&mut self, connection: &mut Connection, read: usize) -> anyhow::Result<()> {
        let Some(request) = connection.request else { bail!("an answer to no request") };
        let in_one_read = connection.pending.is_empty();
        if !in_one_read {
            connection.pending.extend_from_slice(&self.buffer[..read]);
        }
        let bytes = if in_one_read { &self.buffer[..read] } else { &connection.pending };
        let whole = Head::parse(bytes)?.and_then(|head| {
            let body = bytes.get(head.length..head.length + head.body)?;
            Some((head, body, bytes.len() - head.length - head.body))
        });
        let Some((head, body, beyond)) = whole else {
            if in_one_read {
                connection.pending.extend_from_slice(&self.buffer[..read]);
            }
            return Ok(());
        };
        if beyond > 0 {
            bail!("{beyond} bytes after an answer");
        }
        self.outcome.note(request.n, head.status, request.begun.elapsed(), body)?;
        connection.pending.clear();
        connection.request = None;
        self.running -= 1;
        self.begin(connection)
    }
}
