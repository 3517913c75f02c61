//! A small HTTP proxy: one thread a connection; whatever host is asked for, it reaches one server.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

/// A proxy under way; it ends with the test's process.
pub(crate) struct SmallProxy {
    url: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl SmallProxy {
    /// Reaches the server at this URL for every host.
    pub(crate) fn to(server: &str) -> SmallProxy {
        let server = server.strip_prefix("http://").unwrap().trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heads = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&heads);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (server, heads) = (server.clone(), Arc::clone(&shared));
                std::thread::spawn(move || pass_on(stream, &server, &heads));
            }
        });
        SmallProxy { url, heads }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What it was asked for: heads of requests, lower-case names as they came.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

/// One request a connection, in absolute form (RFC 9112 section 3.2.2).
fn pass_on(mut client: TcpStream, server: &str, heads: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(client.try_clone().unwrap());
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
        let last = head.lines().last().unwrap_or_default().to_ascii_lowercase();
        if let Some(value) = last.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    heads.lock().unwrap().push(head.clone());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let mut line = head.lines().next().unwrap().split(' ');
    let (method, url) = (line.next().unwrap(), line.next().unwrap());
    let path =
        url.strip_prefix("http://").and_then(|rest| rest.find('/').map(|at| &rest[at..])).unwrap_or("/");
    let mut server = TcpStream::connect(server).unwrap();
    write!(server, "{method} {path} HTTP/1.1\r\ncontent-length: {length}\r\n\r\n").unwrap();
    server.write_all(&body).unwrap();
    let mut answer = BufReader::new(server);
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        answer.read_line(&mut head).unwrap();
        let last = head.lines().last().unwrap_or_default().to_ascii_lowercase();
        if let Some(value) = last.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    answer.read_exact(&mut body).unwrap();
    let head = head.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
    let _ = client.write_all(head.as_bytes()).and_then(|()| client.write_all(&body));
}
