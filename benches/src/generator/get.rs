//! One request now and then, on a connection of its own.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context as _, ensure};

use super::{
    response::Head,
    tree::Bytes32,
    work::{OCTETS, SUBMISSIONS},
};

const PATIENCE: Duration = Duration::from_secs(30);

/// Status and body of what a server has at a path.
///
/// # Errors
/// No whole answer came.
pub fn get(server: SocketAddr, path: &str) -> anyhow::Result<(u16, Vec<u8>)> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n");
    exchange(server, request.as_bytes()).with_context(|| format!("GET http://{server}{path}"))
}

/// Submits one hash and waits so many seconds for its receipt: status and body.
///
/// # Errors
/// No whole answer came.
pub fn post(server: SocketAddr, hash: &Bytes32, wait: u32) -> anyhow::Result<(u16, Vec<u8>)> {
    let head = format!(
        "POST {SUBMISSIONS} HTTP/1.1\r\nhost: bench\r\ncontent-type: {OCTETS}\r\ncontent-length: 32\r\n\
         prefer: wait={wait}\r\nconnection: close\r\n\r\n"
    );
    let request = [head.as_bytes(), hash].concat();
    exchange(server, &request).with_context(|| format!("POST http://{server}{SUBMISSIONS}"))
}

fn exchange(server: SocketAddr, request: &[u8]) -> anyhow::Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request)?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let head = Head::parse(&bytes)?.context("the answer was cut off")?;
    let body = bytes.split_off(head.length);
    ensure!(body.len() == head.body, "the body was cut off");
    Ok((head.status, body))
}
