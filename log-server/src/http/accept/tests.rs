//! Real connections over loopback. Deadlines are short and nothing here waits for a longer one to pass.

use std::net::SocketAddr;

use axum::{
    Router,
    routing::{get, post},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::http::{body::BodyReader, refusal::Refusal};

fn limits() -> Limits {
    Limits {
        max_hashes: 10,
        max_json_hashes: 10,
        max_connections: 2,
        body_idle: Duration::from_millis(50),
        header: Duration::from_millis(50),
        max_wait: Duration::ZERO,
    }
}

/// Reads a body and says how long it was.
async fn length(body: Body) -> Result<String, Refusal> {
    let mut reader = BodyReader::new(body, Duration::from_millis(50));
    while reader.next().await?.is_some() {}
    Ok(reader.received().to_string())
}

async fn start(limits: Limits) -> (Server, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = Router::new().route("/v1/log", get(async || "hello")).route("/v1/submissions", post(length));
    let metrics = HttpMetrics::default();
    (Server::start(listener, Api::new(routes, metrics.clone()), &limits, metrics), address)
}

/// Sends these bytes, closes the sending side if `end`, and reads to the end.
async fn talk(address: SocketAddr, bytes: &[u8], end: bool) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    if end {
        stream.shutdown().await.unwrap();
    }
    let mut answer = Vec::new();
    // A reset is an end too.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_request_is_answered_and_the_idle_connection_closed() {
    let (_server, address) = start(limits()).await;
    let answer = talk(address, b"GET /v1/log HTTP/1.1\r\nhost: a\r\n\r\n", false).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("hello"), "{answer}");
}

#[tokio::test]
async fn a_connection_that_sends_nothing_or_half_a_head_is_closed() {
    let (_server, address) = start(limits()).await;
    // The second and third look like the beginning of HTTP/2's preface.
    for bytes in [&b""[..], b"P", b"PRI * HTTP/2.0\r\n", b"GET /v1/log HTTP/1.1\r\nhost: a\r\n"] {
        let answer = talk(address, bytes, false).await;
        assert!(!answer.contains("200 OK"), "{answer}");
    }
}

#[tokio::test]
async fn a_body_that_pauses_is_a_408() {
    let (_server, address) = start(limits()).await;
    let request = b"POST /v1/submissions HTTP/1.1\r\nhost: a\r\ncontent-length: 64\r\n\r\nabc";
    let answer = talk(address, request, false).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("given up after 3 bytes"), "{answer}");
}

#[tokio::test]
async fn a_body_that_is_cut_off_is_a_400() {
    let (_server, address) = start(limits()).await;
    let request = b"POST /v1/submissions HTTP/1.1\r\nhost: a\r\ncontent-length: 64\r\n\r\nabc";
    let answer = talk(address, request, true).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("cut off after 3 bytes"), "{answer}");
}

#[tokio::test]
async fn who_has_no_place_waits_for_one() {
    let (_server, address) = start(Limits { max_connections: 1, ..limits() }).await;
    let silent = TcpStream::connect(address).await.unwrap();
    // Answered only when the silent one was thrown out.
    let answer = talk(address, b"GET /v1/log HTTP/1.1\r\nhost: a\r\n\r\n", false).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    drop(silent);
}

#[tokio::test]
async fn http_2_with_prior_knowledge_is_answered() {
    let (_server, address) = start(Limits { header: Duration::from_secs(30), ..limits() }).await;
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let response = client.get(format!("http://{address}/v1/log")).send().await.unwrap();
    assert_eq!(response.version(), http::Version::HTTP_2);
    assert_eq!(response.text().await.unwrap(), "hello");
}

#[tokio::test]
async fn a_stopped_server_ends_what_it_began_and_accepts_no_more() {
    let (server, address) = start(Limits { header: Duration::from_secs(30), ..limits() }).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /v1/log HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut answer = vec![0; 5];
    stream.read_exact(&mut answer).await.unwrap();
    server.stop(Duration::from_secs(30)).await;
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert!(rest.ends_with(b"hello"));
    assert!(TcpStream::connect(address).await.is_err());
}

#[test]
fn a_connection_is_ended_when_it_idles_and_kept_while_it_works() {
    let activity = Arc::new(Activity::default());
    let mut watch = Watch::default();
    assert_eq!(watch.tick(&activity), Verdict::Drop);
    let running = Running::begin(Arc::clone(&activity));
    for _ in 0..100 {
        assert_eq!(watch.tick(&activity), Verdict::Keep);
    }
    drop(running);
    for _ in 1..IDLE_TICKS {
        assert_eq!(watch.tick(&activity), Verdict::Keep);
    }
    assert_eq!(watch.tick(&activity), Verdict::End);
}
