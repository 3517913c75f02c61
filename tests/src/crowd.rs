//! Clients that mean ill, or are broken: connections that are silent, slow, or flood a server with what costs it more than
//! them. Each holds its connections until it is dropped, so that it is the server who has to close them.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// What a connection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Says nothing.
    Silent,
    /// A head that never ends, some bytes at a time.
    SlowHead,
    /// A whole head, and a body that comes some bytes at a time.
    SlowBody,
    /// The first half of HTTP/2's preface.
    HalfPreface,
    /// HTTP/2, and no request.
    SilentHttp2,
    /// HTTP/2, and a request whose headers never end.
    EndlessHeaders,
    /// Asks for much, and reads nothing of it.
    Deaf,
}

impl Manner {
    /// All of them.
    pub const ALL: [Manner; 7] = [
        Manner::Silent,
        Manner::SlowHead,
        Manner::SlowBody,
        Manner::HalfPreface,
        Manner::SilentHttp2,
        Manner::EndlessHeaders,
        Manner::Deaf,
    ];
}

/// SPEC: RFC 9113 section 3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// An empty SETTINGS frame.
const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
/// `GET /v1/log` with HPACK: indexed method and scheme, literal path and authority.
const BLOCK: &[u8] = b"\x82\x86\x04\x07/v1/log\x01\x01a";

/// Many connections of one manner.
#[derive(Debug)]
pub struct Crowd {
    manner: Manner,
    connections: Vec<TcpStream>,
}

impl Crowd {
    /// So many connections to a server, which begin as their manner is.
    pub fn new(server: SocketAddr, manner: Manner, count: usize) -> Crowd {
        let connections = (0..count).filter_map(|_| connect(server, manner)).collect();
        Crowd { manner, connections }
    }

    /// How many were made.
    pub fn len(&self) -> usize {
        self.connections.len()
    }

    /// None?
    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// Each sends its next few bytes, if its manner has any; those that the server has closed send nothing.
    pub fn trickle(&mut self) {
        for stream in &mut self.connections {
            let more: &[u8] = match self.manner {
                Manner::SlowHead => b"x-a: b\r\n",
                Manner::SlowBody => &[7; 8],
                // CONTINUATION, without END_HEADERS, on stream 1: a literal field of eight bytes.
                Manner::EndlessHeaders => b"\x00\x00\x08\x09\x00\x00\x00\x00\x01\x00\x03x-a\x02bc",
                _ => continue,
            };
            // A closed one is what is wanted.
            let _ = stream.write_all(more);
        }
    }

    /// Has the server closed every one of them?
    pub fn is_over(&mut self) -> bool {
        self.connections.retain_mut(|stream| !is_closed(stream));
        self.connections.is_empty()
    }
}

fn connect(server: SocketAddr, manner: Manner) -> Option<TcpStream> {
    let mut stream = TcpStream::connect_timeout(&server, Duration::from_secs(10)).ok()?;
    stream.set_nonblocking(true).ok()?;
    let begin = match manner {
        Manner::Silent => Vec::new(),
        Manner::SlowHead => b"GET /v1/log HTTP/1.1\r\nhost: a\r\n".to_vec(),
        Manner::SlowBody => {
            b"POST /v1/submissions HTTP/1.1\r\nhost: a\r\ncontent-type: application/octet-stream\r\n\
                              content-length: 3200000\r\n\r\n"
                .to_vec()
        }
        Manner::HalfPreface => PREFACE[..12].to_vec(),
        Manner::SilentHttp2 => [PREFACE, &SETTINGS].concat(),
        Manner::EndlessHeaders => [PREFACE, &SETTINGS, &frame(1, 0, 1, BLOCK)].concat(),
        Manner::Deaf => b"GET /v1/log HTTP/1.1\r\nhost: a\r\n\r\n".repeat(200),
    };
    stream.write_all(&begin).ok()?;
    Some(stream)
}

/// Reads what there is; a server that shut its side has closed it.
fn is_closed(stream: &mut TcpStream) -> bool {
    let mut bytes = [0; 4096];
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() != std::io::ErrorKind::WouldBlock,
        }
    }
}

/// Opens requests over HTTP/2 and resets each at once, anew over another connection whenever the server hangs up: so many
/// resets were sent, over so many connections.
pub fn rapid_reset(server: SocketAddr, count: u64) -> (u64, u64) {
    const AT_ONCE: u32 = 100;
    let (mut sent, mut connections) = (0, 0);
    while sent < count {
        let Ok(mut stream) = TcpStream::connect(server) else { continue };
        connections += 1;
        let _ = stream.set_nodelay(true);
        if stream.write_all(&[PREFACE, &SETTINGS].concat()).is_err() {
            continue;
        }
        let mut id = 1;
        // Until the server has had enough of it.
        while sent < count {
            let frames: Vec<u8> = (0..AT_ONCE)
                .flat_map(|n| {
                    let id = id + 2 * n;
                    [frame(1, 5, id, BLOCK), frame(3, 0, id, &8_u32.to_be_bytes())].concat()
                })
                .collect();
            if stream.write_all(&frames).is_err() {
                break;
            }
            sent += u64::from(AT_ONCE);
            id += 2 * AT_ONCE;
        }
    }
    (sent, connections)
}

/// SPEC: RFC 9113 section 4.1.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}
