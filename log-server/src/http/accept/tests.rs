//! Real connections over loopback. Deadlines are short and nothing here waits for a longer one to pass.

use std::net::SocketAddr;

use axum::{
    Router,
    routing::{get, post},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Notify,
};

use super::*;
use crate::http::{body::BodyReader, refusal::Refusal, room, tls::tests::Pair};
use treering_tlog::time::UnixMillis;

fn limits() -> Limits {
    Limits {
        max_hashes: 10,
        max_json_hashes: 10,
        max_connections: 2,
        body_idle: Duration::from_millis(50),
        header: Duration::from_millis(50),
        ping: Duration::from_secs(20),
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
    start_with(limits, None).await
}

async fn start_with(limits: Limits, tls: Option<Tls>) -> (Server, SocketAddr) {
    let routes = Router::new()
        .route("/v1/log", get(async || "hello"))
        .route("/v1/submissions", post(length))
        .route("/large", get(async || vec![0; 100_000]));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (serve(listener, routes, &limits, tls), address)
}

fn serve(listener: TcpListener, routes: Router, limits: &Limits, tls: Option<Tls>) -> Server {
    let metrics = HttpMetrics::default();
    Server::start(listener, Api::new(routes, metrics.clone()), limits, metrics, tls)
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

/// All requests are there before the server begins, and it has one thread.
#[tokio::test]
async fn who_sends_many_requests_at_once_takes_turns_with_the_others() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let many = "GET /v1/log HTTP/1.1\r\nhost: a\r\n\r\n".repeat(16);
    let (mut greedy, mut honest) =
        (TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap());
    greedy.write_all(many.as_bytes()).await.unwrap();
    honest.write_all(b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let note = |who: &'static str| {
        let order = Arc::clone(&order);
        get(async move || order.lock().unwrap().push(who))
    };
    let routes = Router::new().route("/v1/log", note("greedy")).route("/large", note("honest"));
    let _server = serve(listener, routes, &Limits { header: Duration::from_secs(30), ..limits() }, None);
    let answered = |text: &[u8]| text.windows(15).filter(|part| part == b"HTTP/1.1 200 OK").count();
    for (stream, count) in [(&mut honest, 1), (&mut greedy, 16)] {
        let mut answers = Vec::new();
        while answered(&answers) < count {
            assert!(stream.read_buf(&mut answers).await.unwrap() > 0);
        }
    }
    let order = order.lock().unwrap();
    assert_eq!(order.len(), 17);
    let before = order.iter().position(|who| *who == "honest").unwrap();
    assert!(before <= 3, "{order:?}");
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
async fn a_tls_handshake_that_is_not_made_in_time_is_given_up() {
    let pair = Pair::new(10);
    let tls = Tls::open(pair.files(), UnixMillis::new(1_790_000_000_000).unwrap()).unwrap();
    let (_server, address) = start_with(limits(), Some(tls)).await;
    // Silence, the first bytes of a ClientHello, and one who speaks HTTP.
    for bytes in [&b""[..], b"\x16\x03\x01\x02\x00\x01", b"GET /v1/log HTTP/1.1\r\nhost: a\r\n\r\n"] {
        let answer = talk(address, bytes, false).await;
        assert!(!answer.contains("200 OK"), "{answer}");
    }
}

#[tokio::test]
async fn over_tls_the_version_is_agreed_on() {
    let pair = Pair::new(10);
    let tls = Tls::open(pair.files(), UnixMillis::new(1_790_000_000_000).unwrap()).unwrap();
    let (_server, address) =
        start_with(Limits { header: Duration::from_secs(30), ..limits() }, Some(tls)).await;
    let builder = || reqwest::Client::builder().tls_danger_accept_invalid_certs(true);
    for (client, version) in
        [(builder(), http::Version::HTTP_2), (builder().http1_only(), http::Version::HTTP_11)]
    {
        let response = client.build().unwrap().get(format!("https://{address}/v1/log")).send().await.unwrap();
        assert_eq!(response.version(), version);
        assert_eq!(response.text().await.unwrap(), "hello");
    }
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
    let mut watch = Watch::new(Duration::from_secs(10), Duration::from_secs(30));
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

#[test]
fn an_answer_that_nobody_takes_ends_the_connection_and_one_that_is_taken_slowly_does_not() {
    let activity = Arc::new(Activity::default());
    let mut watch = Watch::new(Duration::from_secs(10), Duration::from_secs(30));
    drop(Running::begin(Arc::clone(&activity)));
    let _sending = Sending::watched(Body::from(vec![0; 100_000]), &activity);
    for _ in 0..100 {
        activity.given.fetch_add(1, Ordering::Relaxed);
        assert_eq!(watch.tick(&activity), Verdict::Keep);
    }
    for _ in 0..3 {
        assert_eq!(watch.tick(&activity), Verdict::Keep);
    }
    assert_eq!(watch.tick(&activity), Verdict::Drop);
}

#[tokio::test]
async fn an_http_2_peer_that_takes_no_byte_of_its_answer_is_given_up() {
    // A request that is read late, on a busy machine, is not what is given up.
    let (_server, address) = start(Limits { header: Duration::from_secs(1), ..limits() }).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut request = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    // SETTINGS: INITIAL_WINDOW_SIZE 0, so that no DATA may be sent.
    request.extend_from_slice(&[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0]);
    // HEADERS: GET, http, authority "a" and path "/large" as literals.
    let head = b"\x82\x86\x41\x01a\x04\x06/large";
    request.extend_from_slice(&[0, 0, u8::try_from(head.len()).unwrap(), 1, 5, 0, 0, 0, 1]);
    request.extend_from_slice(head);
    stream.write_all(&request).await.unwrap();
    // SETTINGS are acknowledged, and the window never opens. This ends only with the connection.
    stream.write_all(&[0, 0, 0, 4, 1, 0, 0, 0, 0]).await.unwrap();
    let mut seen = Vec::new();
    let _ = stream.read_to_end(&mut seen).await;
    let (mut kinds, mut rest) = (Vec::new(), &seen[..]);
    while let [a, b, c, kind, _, _, _, _, _, payload @ ..] = rest {
        kinds.push(*kind);
        rest =
            payload.get(usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c)..).unwrap_or_default();
    }
    // The answer's HEADERS (1), and neither DATA (0) nor a GOAWAY (7) for something that the peer did wrong.
    assert!(kinds.contains(&1) && !kinds.contains(&0) && !kinds.contains(&7), "{kinds:?}");
}

/// A request over HTTP/2 that is answered once the server is told to, where no other deadline is near.
async fn waiting(ping: Duration) -> (Server, TcpStream, Arc<Notify>) {
    let far = Duration::from_secs(3600);
    let limits = Limits { ping, header: far, body_idle: far, ..limits() };
    let told = Arc::new(Notify::new());
    let when = Arc::clone(&told);
    let routes = Router::new().route("/wait", get(async move || when.notified().await));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    // The preface with empty SETTINGS; HEADERS: GET, http, authority "a" and path "/wait" as literals.
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    stream.write_all(b"\0\0\x0c\x01\x05\0\0\0\x01\x82\x86\x41\x01a\x04\x05/wait").await.unwrap();
    (serve(listener, routes, &limits, None), stream, told)
}

/// The next frame: its kind, its flags, what it carries (RFC 9113 section 4.1). Only a failure takes a minute.
async fn frame(stream: &mut TcpStream) -> io::Result<(u8, u8, Vec<u8>)> {
    let read = async {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
        stream.read_exact(&mut payload).await?;
        Ok((head[3], head[4], payload))
    };
    timeout(Duration::from_secs(60), read).await.expect("a frame, or the connection's end")
}

#[tokio::test]
async fn an_http_2_peer_that_answers_no_ping_is_closed_though_its_request_is_not_answered_yet() {
    let (_server, mut peer, _told) = waiting(Duration::from_millis(50)).await;
    let mut kinds = Vec::new();
    while let Ok((kind, ..)) = frame(&mut peer).await {
        kinds.push(kind);
    }
    // It was asked (PING is 6), and has no answer (HEADERS is 1).
    assert!(kinds.contains(&6) && !kinds.contains(&1), "{kinds:?}");
}

#[tokio::test]
async fn an_http_2_peer_that_answers_each_ping_stays_and_gets_its_answer() {
    let (_server, mut peer, told) = waiting(Duration::from_millis(500)).await;
    let mut asked = 0;
    let head = loop {
        let (kind, flags, payload) = frame(&mut peer).await.expect("it stays");
        match (kind, flags) {
            (6, 0) => {
                asked += 1;
                peer.write_all(&[&[0, 0, 8, 6, 1, 0, 0, 0, 0][..], &payload].concat()).await.unwrap();
                // By the third ping the time for an answer to the first is over.
                if asked == 3 {
                    told.notify_one();
                }
            }
            (1, _) => break payload,
            _ => {}
        }
    };
    // HPACK's static table has `:status 200` at 8.
    assert_eq!((asked, head[0]), (3, 0x88));
}

#[tokio::test]
async fn who_comes_when_the_large_rooms_are_taken_gets_a_small_one() {
    let patient = Limits { max_connections: 1000, header: Duration::from_secs(60), ..limits() };
    let (_server, address) = start(patient).await;
    assert_eq!(streams(address).await.1, 16);
    let mut held = Vec::new();
    while held.len() < room::LARGE_ROOMS {
        held.push(streams(address).await.0);
    }
    assert_eq!(streams(address).await.1, 1);
    // It is served all the same, and when others have gone, the next one has room again.
    let answer = talk(address, b"GET /v1/log HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", false).await;
    assert!(answer.ends_with("hello"), "{answer}");
    drop(held);
    while streams(address).await.1 == 1 {
        tokio::task::yield_now().await;
    }
}

/// A connection, and what its SETTINGS say of streams at once (RFC 9113 section 6.5.2: 3).
async fn streams(address: SocketAddr) -> (TcpStream, u32) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(head[3], 4, "SETTINGS come first");
    let mut settings = vec![0; usize::from(head[2])];
    stream.read_exact(&mut settings).await.unwrap();
    let most = settings.chunks(6).find(|setting| setting[..2] == [0, 3]).unwrap();
    (stream, u32::from_be_bytes(most[2..].try_into().unwrap()))
}
