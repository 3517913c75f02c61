//! A proxy that only passes bytes on (CONNECT, RFC 9110 section 9.3.6): whatever host is asked for, it reaches one server.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

/// A proxy under way. Its threads end with the test's process.
#[derive(Debug)]
pub struct Connector {
    url: String,
    seen: Arc<Mutex<Seen>>,
}

/// What it was given.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The head of each request to it.
    pub heads: Vec<String>,
    /// All that it has passed on to the server.
    pub passed: Vec<u8>,
}

impl Connector {
    /// Begins to listen; the server is an address and a port.
    ///
    /// # Panics
    /// If there is no port.
    pub fn to(server: &str) -> Connector {
        let server = server.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound port"));
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (server, seen) = (server.clone(), Arc::clone(&shared));
                // Whoever hangs up is passed nothing.
                thread::spawn(move || connect(stream, &server, &seen));
            }
        });
        Connector { url, seen }
    }

    /// Its own URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it was given so far.
    pub fn seen(&self) -> Seen {
        lock(&self.seen).clone()
    }
}

fn lock(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

fn connect(client: TcpStream, server: &str, seen: &Mutex<Seen>) -> Option<()> {
    let mut reader = BufReader::new(client.try_clone().ok()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let mut client = client;
    let is_connect = head.starts_with("CONNECT ");
    lock(seen).heads.push(head);
    if !is_connect {
        return client.write_all(b"HTTP/1.1 405 X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").ok();
    }
    let server = TcpStream::connect(server).ok()?;
    client.write_all(b"HTTP/1.1 200 X\r\n\r\n").ok()?;
    let (answers, back) = (server.try_clone().ok()?, client);
    let backward = thread::spawn(move || pass(answers, back, |_| ()));
    // What has come with the head is in the reader.
    pass(reader, server, |bytes| lock(seen).passed.extend_from_slice(bytes));
    backward.join().ok()
}

/// Until one of them is closed.
fn pass(mut from: impl Read, mut to: TcpStream, mut note: impl FnMut(&[u8])) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        note(&bytes[..count]);
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
