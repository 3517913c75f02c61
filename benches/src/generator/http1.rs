//! HTTP/1.1 by hand: one thread, one poll, and for each answer one read and one write.
//!
//! A library would cost several times the processor time of the socket itself, which is then missing in the server
//! beside it.

use std::{
    collections::HashSet,
    io::{self, IoSlice, Read as _, Write as _},
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use mio::{Events, Interest, Poll, Token, net::TcpStream};

use super::{
    Load, Outcome,
    response::Head,
    work::{Body, Lane, Numbers, Work},
};

/// An answer may take so long before the run is given up.
const PATIENCE: Duration = Duration::from_secs(60);
/// Connections that are opened at once: fewer than a listener's queue holds.
const GROUP: usize = 256;
/// What one read takes at most.
const READ: usize = 64 * 1024;

pub(super) fn run(server: SocketAddr, work: &Work, load: &Load) -> anyhow::Result<Outcome> {
    let mut poll = Poll::new().context("epoll")?;
    let mut events = Events::with_capacity(1024);
    let count = usize::try_from(work.len()).map_or(load.connections, |most| most.min(load.connections));
    let mut connections = Vec::with_capacity(count);
    while connections.len() < count {
        let more = GROUP.min(count - connections.len());
        connect(&mut poll, &mut events, server, more, &mut connections)
            .with_context(|| format!("connecting {count} times to {server} (ulimit -n?)"))?;
    }

    let begun = Instant::now();
    let numbers = Numbers::new(work, begun + load.duration);
    let prebuilt = work.prebuilt_head();
    let mut driver =
        Driver { work, numbers, prebuilt, buffer: vec![0; READ], outcome: Outcome::default(), running: 0 };
    for connection in &mut connections {
        driver.begin(connection)?;
    }
    while driver.running > 0 {
        wait(&mut poll, &mut events)
            .with_context(|| format!("{} requests are not answered", driver.running))?;
        for event in &events {
            driver.drive(&mut connections[event.token().0])?;
        }
    }
    driver.outcome.elapsed = begun.elapsed();
    Ok(driver.outcome)
}

/// Opens so many connections at once: they are there before any time is taken.
fn connect(
    poll: &mut Poll,
    events: &mut Events,
    server: SocketAddr,
    count: usize,
    connections: &mut Vec<Connection>,
) -> anyhow::Result<()> {
    let first = connections.len();
    for place in first..first + count {
        let mut stream = TcpStream::connect(server)?;
        poll.registry().register(&mut stream, Token(place), Interest::READABLE | Interest::WRITABLE)?;
        let lane = Lane { place: place as u64, begun: 0 };
        connections.push(Connection { stream, lane, request: None, head: Vec::new(), pending: Vec::new() });
    }
    let mut open = HashSet::new();
    while open.len() < count {
        wait(poll, events)?;
        for place in events.iter().filter(|event| event.is_writable()).map(|event| event.token().0) {
            let stream = &connections[place].stream;
            if let Some(error) = stream.take_error()? {
                return Err(error.into());
            }
            if place >= first && stream.peer_addr().is_ok() && open.insert(place) {
                stream.set_nodelay(true)?;
            }
        }
    }
    Ok(())
}

/// Waits for events, one at least.
fn wait(poll: &mut Poll, events: &mut Events) -> anyhow::Result<()> {
    loop {
        match poll.poll(events, Some(PATIENCE)) {
            Ok(()) if events.is_empty() => bail!("nothing happened for {} s", PATIENCE.as_secs()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            ended => return Ok(ended?),
        }
    }
}

struct Connection {
    stream: TcpStream,
    lane: Lane,
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
        let Some(n) = self.numbers.next_of(begun, &mut connection.lane) else { return Ok(()) };
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
