//! The public API on a real log without witnesses: what each call answers, and each refusal of a body.
#![expect(clippy::unwrap_used, reason = "a test program: what is not there fails the test")]

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderMap, Request, StatusCode},
};
use http_body_util::BodyExt;
use serde_json::Value;
use treering_log::{
    access::Access,
    clock::SystemClock,
    config::{Config, render},
    http::{Api, App, HttpMetrics, api},
    log::Log,
};
use treering_tlog::{
    checkpoint::Origin,
    hash::{Hash, sha256},
    kernel::leaf_hashes,
    note::{KeyName, SigningKey},
    tree,
};
use treering_token::token::Token;

const ORIGIN: &str = "log.example/http";

#[path = "http/access.rs"]
mod access;

/// A running log and its API.
struct Server {
    api: Api,
    log: Log,
    access: Access,
    folder: tempfile::TempDir,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status and stable name of a refusal.
    fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.header("cache-control"), "no-store");
        let name = self.json()["type"].as_str().unwrap().to_owned();
        (self.status.as_u16(), name.strip_prefix("urn:treering:problem:").unwrap().to_owned())
    }
}

impl Server {
    async fn start() -> Server {
        Server::start_changed(&[]).await
    }

    /// With these texts of the configuration replaced.
    async fn start_changed(changes: &[(&str, &str)]) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let text = render(&Origin::new(ORIGIN).unwrap(), any, any)
            .replace("tick_ms = 1000", "tick_ms = 50")
            .replace("max_hashes = 1048576", "max_hashes = 5000")
            .replace("max_json_hashes = 100000", "max_json_hashes = 100");
        let text = changes.iter().fold(text, |text, (from, to)| {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1)
        });
        std::fs::write(folder.path().join("log.toml"), text).unwrap();
        std::fs::write(folder.path().join("witnesses.policy"), "quorum none\n").unwrap();
        let config = Config::load(&folder.path().join("log.toml")).unwrap();
        let key = SigningKey::from_seed(KeyName::new(ORIGIN).unwrap(), &[5; 32]);
        let settings = config.settings(&key).unwrap();
        let log = Log::open(settings, key, Arc::new(SystemClock::new())).await.unwrap();
        let access = Access::open(config.access.clone(), config.origin.clone(), Arc::new(SystemClock::new()));
        let access = access.unwrap();
        let app = App::new(log.clone(), access.clone(), None, config.limits, HttpMetrics::default()).unwrap();
        Server { api: api(app), log, access, folder }
    }

    async fn stop(self) {
        self.log.stop(Duration::from_secs(10)).await;
    }

    async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.api.answer(request).await;
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: head.status, headers: head.headers, body }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Request::get(path).body(Body::empty()).unwrap()).await
    }

    async fn get_json(&self, path: &str) -> Answer {
        self.ask(Request::get(path).header("accept", "application/json").body(Body::empty()).unwrap()).await
    }

    async fn post(&self, query: &str, media_type: &str, body: impl Into<Body>) -> Answer {
        let request = Request::post(format!("/v1/submissions{query}")).header("content-type", media_type);
        self.ask(request.body(body.into()).unwrap()).await
    }

    async fn post_waiting(&self, query: &str, media_type: &str, body: impl Into<Body>) -> Answer {
        let request = Request::post(format!("/v1/submissions{query}"))
            .header("content-type", media_type)
            .header("prefer", "wait=20");
        self.ask(request.body(body.into()).unwrap()).await
    }
}

fn hashes(count: u8) -> Vec<[u8; 32]> {
    (0..count).map(|i| *sha256(&[i]).as_bytes()).collect()
}

fn root(hashes: &[[u8; 32]]) -> Hash {
    tree::root(&leaf_hashes(hashes))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_hashes_in_any_format_have_one_receipt() {
    let server = Server::start().await;
    let hashes = hashes(3);
    let root = root(&hashes);
    let octets = hashes.as_flattened().to_vec();
    let list: Vec<String> = hashes.iter().map(hex::encode).collect();
    let json = serde_json::json!({ "hashes": list }).to_string();
    let sums: String = list.iter().map(|hash| format!("{hash}  name\n")).collect();

    let taken = server.post("", "application/octet-stream", octets.clone()).await;
    assert_eq!(taken.status, StatusCode::ACCEPTED);
    assert_eq!(taken.header("location"), format!("/v1/receipts/{root}"));
    assert_eq!(taken.header("treering-max-hashes"), "5000");
    assert_eq!(taken.json()["count"], 3);

    let receipt = server.post_waiting("", "application/json", json).await;
    assert_eq!((receipt.status, receipt.header("preference-applied")), (StatusCode::OK, "wait=20"));
    let token = Token::parse(&receipt.body).unwrap();
    assert!(token.is_receipt());
    assert_eq!(token.layers().root(&root), token.entry().batch_root());

    assert_eq!(server.post_waiting("", "text/plain", sums).await.body, receipt.body);
    let fetched = server.get(&format!("/v1/receipts/{root}")).await;
    assert_eq!((fetched.status, &fetched.body), (StatusCode::OK, &receipt.body));
    assert_eq!((fetched.header("cache-control"), fetched.header("vary")), ("public, max-age=60", "Accept"));
    let wrapped = server.get_json(&format!("/v1/receipts/{root}")).await;
    assert_eq!(wrapped.json()["receipt"], receipt.text());
    assert_eq!(wrapped.json()["entry"], token.index());
    assert_eq!(wrapped.json()["root"], root.to_string());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_come_with_the_answer_and_can_be_fetched() {
    let server = Server::start().await;
    let hashes = hashes(5);
    let octets = hashes.as_flattened().to_vec();
    let taken = server.post("?tokens=true", "application/octet-stream", octets.clone()).await;
    assert_eq!(taken.status, StatusCode::ACCEPTED);
    assert!(taken.json()["tokens"][4].get("token").is_none());

    let answer = server.post_waiting("?tokens=true", "application/octet-stream", octets).await;
    assert_eq!(answer.status, StatusCode::OK);
    let answer = answer.json();
    for (hash, element) in hashes.iter().zip(answer["tokens"].as_array().unwrap()) {
        let token = Token::parse(element["token"].as_str().unwrap().as_bytes()).unwrap();
        assert_eq!(token.layers().root(&Hash::new(*hash)), token.entry().batch_root());
        let fetched = server.get(element["url"].as_str().unwrap()).await;
        assert_eq!(fetched.text(), element["token"].as_str().unwrap());
        assert_eq!(fetched.header("cache-control"), "no-store");
    }
    let other = format!("/v1/receipts/{}/tokens/{}", root(&hashes), sha256(b"another"));
    assert_eq!(server.get(&other).await.problem(), (404, "unknown_root".to_owned()));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_itself_can_be_read() {
    let server = Server::start().await;
    server.post_waiting("", "application/octet-stream", hashes(1).as_flattened().to_vec()).await;
    let receipt = Token::parse(
        &server.post_waiting("", "application/octet-stream", hashes(2).as_flattened().to_vec()).await.body,
    )
    .unwrap();
    for (path, media_type, cache) in [
        ("/checkpoint", "text/plain; charset=utf-8", "public, max-age=1"),
        ("/v1/checkpoints/1", "text/plain; charset=utf-8", "public, max-age=60"),
        ("/v1/batches/1", "application/octet-stream", "public, max-age=31536000, immutable"),
        ("/tile/0/000.p/2", "application/octet-stream", "public, max-age=31536000, immutable"),
        ("/tile/0/000.p/1", "application/octet-stream", "public, max-age=31536000, immutable"),
        ("/tile/entries/000.p/1", "application/octet-stream", "public, max-age=31536000, immutable"),
        ("/v1/log", "application/json", "public, max-age=60"),
        ("/v1/policy", "text/plain; charset=utf-8", "public, max-age=60"),
    ] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(
            (answer.header("content-type"), answer.header("cache-control")),
            (media_type, cache),
            "{path}"
        );
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        let head = server.ask(Request::head(path).body(Body::empty()).unwrap()).await;
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0), "{path}");
    }
    let leaves = server.get(&format!("/v1/batches/{}", receipt.index())).await.body;
    let leaves: Vec<Hash> = leaves.chunks(32).map(|leaf| Hash::from_slice(leaf).unwrap()).collect();
    assert_eq!(tree::root(&leaves), receipt.entry().batch_root());
    assert_eq!(server.get("/v1/log").await.json()["limits"]["max_json_hashes"], 100);
    assert_eq!(server.get_json("/v1/policy").await.json()["witnesses"], serde_json::json!([]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_says_why() {
    let server = Server::start().await;
    server.post_waiting("", "application/octet-stream", hashes(1).as_flattened().to_vec()).await;
    let root = root(&hashes(1));
    let unknown = sha256(b"unknown");
    for (path, status, name) in [
        (format!("/v1/receipts/{unknown}"), 404, "unknown_root"),
        ("/v1/receipts/AB".to_owned(), 400, "path_value"),
        (format!("/v1/receipts/{root}?from=1"), 400, "unknown_parameter"),
        (format!("/v1/receipts/{root}?size=99"), 400, "size"),
        (format!("/v1/receipts/{root}?min_entry=99"), 400, "min_entry_too_large"),
        (format!("/v1/receipts/{root}/tokens/{unknown}"), 404, "unknown_root"),
        ("/v1/batches/7".to_owned(), 404, "not_published"),
        ("/v1/batches/07".to_owned(), 400, "path_value"),
        ("/v1/checkpoints/99".to_owned(), 404, "not_published"),
        ("/v1/batches/%FF".to_owned(), 400, "path_value"),
        ("/checkpoint?x=1".to_owned(), 400, "unknown_parameter"),
        ("/tile/0/000".to_owned(), 404, "not_published"),
        ("/tile/0/0".to_owned(), 400, "tile_path"),
        ("/tile/0/000.p/0".to_owned(), 400, "tile_path"),
        ("/v1/nothing".to_owned(), 404, "unknown_path"),
        ("/metrics".to_owned(), 404, "unknown_path"),
    ] {
        assert_eq!(server.get(&path).await.problem(), (status, name.to_owned()), "{path}");
    }
    let fine = server.get(&format!("/v1/receipts/{root}?size=1")).await;
    assert_eq!((fine.status, fine.header("cache-control")), (StatusCode::OK, "no-store"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_body_leaves_nothing() {
    let server = Server::start().await;
    let octets = "application/octet-stream";
    let hex = hex::encode([0xab; 32]);
    for (query, media_type, body, status, name) in [
        ("", octets, vec![], 400, "empty_body"),
        ("", octets, vec![1; 31], 400, "body_length"),
        ("", octets, vec![1; 33], 400, "body_length"),
        ("", octets, vec![1; 32 * 40 + 1], 400, "body_length"),
        ("", octets, vec![1; 32 * 5001], 413, "too_many_hashes"),
        ("?tokens=true", octets, vec![1; 32 * 1025], 413, "too_many_for_tokens"),
        ("?tokens=yes", octets, vec![1; 32], 400, "parameter_value"),
        ("?token=true", octets, vec![1; 32], 400, "unknown_parameter"),
        ("?min_entry=99", octets, vec![1; 32], 400, "min_entry_too_large"),
        ("", "application/json", b"no JSON".to_vec(), 400, "json"),
        ("", "application/json", b"{\"hashes\":[]}".to_vec(), 400, "empty_body"),
        ("", "application/json", format!("{{\"hashes\":[\"{}\"]}}", &hex[1..]).into(), 400, "json_hash"),
        (
            "",
            "application/json",
            format!("{{\"hashes\":[\"{}\"]}}", hex.to_uppercase()).into(),
            400,
            "json_hash",
        ),
        ("", "text/plain", format!("{hex} name\n").into(), 400, "sums_line"),
        ("", "text/plain", format!("{hex}  a").into(), 400, "sums_line"),
        ("", "text/plain", format!("{hex}  a\n").repeat(101).into(), 413, "too_many_hashes"),
        ("", "application/x-www-form-urlencoded", vec![1; 32], 415, "content_type"),
    ] {
        let answer = server.post(query, media_type, body).await;
        assert_eq!(answer.problem(), (status, name.to_owned()), "{query} {media_type}");
        assert_eq!(answer.header("treering-max-tokens"), "1024");
    }
    let untyped = server.ask(Request::post("/v1/submissions").body(Body::from(vec![1; 32])).unwrap()).await;
    assert_eq!(untyped.problem(), (415, "content_type".to_owned()));
    assert_eq!(untyped.header("accept-post"), "application/octet-stream, application/json, text/plain");

    let broken = futures_util::stream::iter([Ok(vec![1u8; 64]), Err(std::io::Error::other("cut"))]);
    let answer = server.post("", octets, Body::from_stream(broken)).await;
    assert_eq!(answer.problem(), (400, "cut_off".to_owned()));

    let status = server.log.status();
    assert_eq!((status.sealed_size, status.pending), (0, 0));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_log_says_when_to_come_back() {
    let server = Server::start().await;
    server.log.stop(Duration::from_secs(10)).await;
    let answer = server.post("", "application/octet-stream", vec![1; 32]).await;
    assert_eq!(answer.problem(), (503, "stopping".to_owned()));
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 5);
    assert_eq!(answer.json()["retry"], true);
}
