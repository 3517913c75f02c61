//! Clients that mean ill, or are broken: connections that are silent, slow, or flood a server with what costs it more than
//! them. Each holds its connections until it is dropped, so that it is the server who has to close them.

use std::{
    io::{self, Read, Write},
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
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// An empty SETTINGS frame.
pub(crate) const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
/// `GET /v1/log` with HPACK: indexed method and scheme, literal path and authority.
pub(crate) const BLOCK: &[u8] = b"\x82\x86\x04\x07/v1/log\x01\x01a";

/// More than the kernel holds for a connection at both of its ends: a few megabytes on loopback.
const BEYOND_BUFFERS: usize = 12 << 20;
/// A client waits so long for a server's next bytes; only a failure takes it.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(20);

/// A large answer of a server, for those who ask for much.
#[derive(Clone, Debug)]
pub struct Large {
    /// Its path.
    pub path: String,
    /// Its bytes.
    pub length: usize,
}

impl Large {
    /// So often it is asked for over one connection.
    fn times(&self) -> usize {
        BEYOND_BUFFERS.div_ceil(self.length)
    }
}

/// Many connections of one manner.
#[derive(Debug)]
pub struct Crowd {
    manner: Manner,
    large: Large,
    connections: Vec<TcpStream>,
}

impl Crowd {
    /// So many connections to a server, which begin as their manner is.
    pub fn new(server: SocketAddr, manner: Manner, count: usize, large: &Large) -> Crowd {
        let connections = (0..count).filter_map(|_| connect(server, manner, large)).collect();
        Crowd { manner, large: large.clone(), connections }
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

    /// Has the server closed every one of them, as far as they can tell? Those that read nothing can't: the end stands behind
    /// what they don't read.
    pub fn is_over(&mut self) -> bool {
        if self.manner == Manner::Deaf {
            return true;
        }
        self.connections.retain_mut(|stream| !is_closed(stream));
        self.connections.is_empty()
    }

    /// Of those that read nothing: how many would have had everything that they asked for, in the kernel's buffers, once they
    /// read. To be asked when the server has closed them.
    pub fn served_in_full(&mut self) -> usize {
        let wanted = self.large.length * self.large.times();
        self.connections
            .iter_mut()
            .filter_map(|stream| rest(stream).ok())
            .filter(|got| *got >= wanted)
            .count()
    }
}

/// How many bytes are to be had of a connection, to its end.
fn rest(stream: &mut TcpStream) -> io::Result<usize> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let mut bytes = vec![0; 64 << 10];
    let mut all = 0;
    loop {
        match stream.read(&mut bytes)? {
            0 => return Ok(all),
            count => all += count,
        }
    }
}

fn connect(server: SocketAddr, manner: Manner, large: &Large) -> Option<TcpStream> {
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
        Manner::Deaf => {
            format!("GET {} HTTP/1.1\r\nhost: a\r\n\r\n", large.path).repeat(large.times()).into_bytes()
        }
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
            Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
        }
    }
}

/// SPEC: RFC 9113 section 4.1.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}
