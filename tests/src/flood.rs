//! Far more requests than a server can take: hundreds of connections, each of which sends its next request as soon as it has
//! an answer. Every root that was acknowledged is kept.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use treering_tlog::hash::Hash;

use crate::random;

/// What a connection sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One hash.
    Single,
    /// A thousand, each to have a token of its own.
    Tokens,
    /// A hundred thousand.
    Bulk,
}

/// The connections, at work until it is stopped.
#[derive(Debug)]
pub struct Flood {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    acknowledged: Mutex<Vec<Hash>>,
    refused: AtomicU64,
    hashes: AtomicU64,
    lost: AtomicU64,
    header: String,
}

/// What came of it.
#[derive(Debug)]
pub struct Flooded {
    /// The roots that were acknowledged.
    pub acknowledged: Vec<Hash>,
    /// How many requests were refused: 429, 503 or 507, each with Retry-After.
    pub refused: u64,
    /// How many hashes all requests had that were answered, whether they were taken or refused.
    pub hashes: u64,
    /// How many connections ended without an answer.
    pub lost: u64,
}

impl Flood {
    /// So many connections of each kind.
    pub fn start(server: SocketAddr, kinds: &[(Kind, usize)]) -> Flood {
        Flood::with_header(server, kinds, "")
    }

    /// The same, each request with a header field more (`name: value\r\n`).
    pub fn with_header(server: SocketAddr, kinds: &[(Kind, usize)], header: &str) -> Flood {
        let shared = Arc::new(Shared { header: header.to_owned(), ..Shared::default() });
        let all = kinds.iter().flat_map(|(kind, count)| std::iter::repeat_n(*kind, *count));
        let start = |kind| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.run(server, kind))
        };
        Flood { threads: all.map(start).collect(), shared }
    }

    /// How many were acknowledged so far.
    pub fn acknowledged(&self) -> usize {
        self.shared.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Ends it.
    ///
    /// # Panics
    /// If an answer was none that a server may give.
    pub fn stop(self) -> Flooded {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.threads.into_iter().for_each(|thread| thread.join().expect("answers as they may be"));
        let mut acknowledged = self.shared.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
        Flooded {
            acknowledged: std::mem::take(&mut *acknowledged),
            refused: self.shared.refused.load(Ordering::SeqCst),
            hashes: self.shared.hashes.load(Ordering::SeqCst),
            lost: self.shared.lost.load(Ordering::SeqCst),
        }
    }
}

impl Shared {
    fn run(&self, server: SocketAddr, kind: Kind) {
        let (path, count) = match kind {
            Kind::Single => ("/v1/submissions", 1),
            Kind::Tokens => ("/v1/submissions?tokens=true", 1_000),
            Kind::Bulk => ("/v1/submissions", 100_000),
        };
        let length = count * 32;
        let header = &self.header;
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/octet-stream\r\ncontent-length: {length}\r\n\
             {header}\r\n"
        );
        // Random only once: a hundred thousand new ones for each request would be the sender's work.
        let mut body = random::commitments(count);
        while !self.stop.load(Ordering::SeqCst) {
            let Ok(stream) = TcpStream::connect(server) else { continue };
            let _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
            let _ = stream.set_nodelay(true);
            let mut stream = BufReader::new(stream);
            while !self.stop.load(Ordering::SeqCst) {
                body[0] = random::commitment();
                if self.request(&mut stream, head.as_bytes(), body.as_flattened()).is_none() {
                    self.lost.fetch_add(1, Ordering::SeqCst);
                    break;
                }
            }
        }
    }

    /// One request; `None` if the connection is no good any more.
    fn request(&self, stream: &mut BufReader<TcpStream>, head: &[u8], body: &[u8]) -> Option<()> {
        stream.get_mut().write_all(head).ok()?;
        // A refusal may come before the whole body has gone.
        let sent = stream.get_mut().write_all(body);
        let answer = Answer::read(stream)?;
        self.hashes.fetch_add((body.len() / 32) as u64, Ordering::SeqCst);
        match answer.status {
            202 => {
                let root = answer.location.as_deref()?.rsplit('/').next().and_then(Hash::from_hex);
                let root = root.expect("a 202 says where its receipt will be");
                self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).push(root);
            }
            429 | 503 | 507 => {
                assert!(answer.retry_after, "a refusal says when to try again");
                self.refused.fetch_add(1, Ordering::SeqCst);
                // Those who flood don't heed it; but a refusal at once would only measure how fast this asks.
                thread::sleep(Duration::from_millis(1));
            }
            // Too slow, for want of processor time.
            408 => return None,
            status => panic!("{status}"),
        }
        sent.ok()
    }
}

#[derive(Debug, Default)]
struct Answer {
    status: u16,
    location: Option<String>,
    retry_after: bool,
}

impl Answer {
    fn read(stream: &mut BufReader<TcpStream>) -> Option<Answer> {
        let mut answer = Answer::default();
        let mut length = 0;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            if answer.status == 0 {
                answer.status = line.split(' ').nth(1)?.parse().ok()?;
            }
            let Some((name, value)) = line.split_once(": ") else { continue };
            match name {
                "location" => answer.location = Some(value.to_owned()),
                "retry-after" => answer.retry_after = true,
                "content-length" => length = value.parse().ok()?,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).ok()?;
        Some(answer)
    }
}
