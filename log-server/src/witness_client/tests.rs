//! The statuses of tlog-witness, each from a loopback server that says nothing else.

use std::{
    io::{Read, Write},
    net::TcpListener,
};

use treering_tlog::{
    checkpoint::{Checkpoint, Origin},
    note::{KeyName, SigningKey},
    tree::TreeHead,
};

use super::*;

fn message() -> AddCheckpoint {
    let key = SigningKey::from_seed(KeyName::new("log.example/a").unwrap(), &[1; 32]);
    let origin = Origin::new("log.example/a").unwrap();
    let checkpoint = Checkpoint { origin, head: TreeHead::EMPTY, extensions: Vec::new() }.sign(&key);
    AddCheckpoint { old: TreeSize::ZERO, proof: Vec::new(), checkpoint }
}

/// Answers one request with these bytes and returns what it was asked.
fn answering(answer: Vec<u8>) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/w/", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let want = message().to_string();
        let mut asked = Vec::new();
        let mut part = [0; 4096];
        while !asked.ends_with(want.as_bytes()) {
            let read = stream.read(&mut part).unwrap();
            asked.extend_from_slice(&part[..read]);
        }
        // A client that refuses a long answer closes first, and that is fine.
        let _ = stream.write_all(&answer);
        String::from_utf8(asked).unwrap()
    });
    (url, server)
}

fn ask(url: &str) -> Result<Vec<Signature>, WitnessError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = WitnessClient::new(Duration::from_secs(10)).unwrap();
    runtime.block_on(client.add_checkpoint(url, &message()))
}

fn answer(status: &str, body: &str) -> Result<Vec<Signature>, WitnessError> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    let (url, server) = answering(format!("{head}{body}").into_bytes());
    let result = ask(&url);
    server.join().unwrap();
    result
}

#[test]
fn the_request_is_a_post_to_the_submission_prefix() {
    let (url, server) = answering(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec());
    assert_eq!(ask(&url), Err(WitnessError::Unknown));
    let asked = server.join().unwrap();
    assert!(asked.starts_with("POST /w/add-checkpoint HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("\r\n\r\nold 0\n\nlog.example/a\n0\n"), "{asked}");
}

#[test]
fn signature_lines_come_back_as_they_are() {
    let line = message().checkpoint.signatures()[0].clone();
    assert_eq!(answer("200 OK", &format!("{line}\n")), Ok(vec![line]));
}

#[test]
fn each_refusal_has_its_own_error() {
    for (status, body, error) in [
        ("409 Conflict", "17\n", WitnessError::Conflict { size: TreeSize::new(17).unwrap() }),
        ("409 Conflict", "017\n", WitnessError::Malformed),
        ("200 OK", "", WitnessError::Malformed),
        ("200 OK", "hello\n", WitnessError::Malformed),
        ("404 Not Found", "no", WitnessError::Unknown),
        ("403 Forbidden", "", WitnessError::Forbidden),
        ("422 Unprocessable Entity", "", WitnessError::Unprocessable),
        ("400 Bad Request", "", WitnessError::BadRequest),
        ("429 Too Many Requests", "", WitnessError::Busy { status: 429, retry_after: None }),
        ("503 Service Unavailable", "", WitnessError::Busy { status: 503, retry_after: None }),
        ("500 Internal Server Error", "", WitnessError::Status(500)),
        ("307 Temporary Redirect", "", WitnessError::Status(307)),
    ] {
        assert_eq!(answer(status, body), Err(error), "{status} {body:?}");
    }
}

#[test]
fn a_longer_answer_than_64_kib_is_not_read() {
    assert_eq!(answer("200 OK", &"x".repeat(MAX_ANSWER + 1)), Err(WitnessError::Malformed));
}

#[test]
fn nobody_there_is_unavailable() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = ask(&format!("http://{free}")).unwrap_err();
    assert!(matches!(&error, WitnessError::Unavailable(text) if text.contains("refused")), "{error}");
}

#[test]
fn how_long_a_busy_witness_wants_to_be_left_alone() {
    let date = "Wed, 25 Nov 2026 10:00:00 GMT";
    for (wish, seconds) in [
        (Some("7"), Some(7)),
        (Some("0"), Some(0)),
        (Some("99999999999999999999999"), Some(3600)),
        (Some("Wed, 25 Nov 2026 10:01:30 GMT"), Some(90)),
        (Some("Wed, 25 Nov 2026 09:00:00 GMT"), Some(0)),
        (Some("soon"), None),
        (Some("-1"), None),
        (None, None),
    ] {
        let wish_line = wish.map_or_else(String::new, |wish| format!("retry-after: {wish}\r\n"));
        let head =
            format!("HTTP/1.1 429 Too Many Requests\r\ndate: {date}\r\n{wish_line}content-length: 0\r\n\r\n");
        let (url, server) = answering(head.into_bytes());
        let error = ask(&url).unwrap_err();
        server.join().unwrap();
        assert_eq!(error.retry_after(), seconds.map(Duration::from_secs), "{wish:?}");
        assert_eq!(error.kind(), "rate_limited");
    }
}
