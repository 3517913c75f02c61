//! The timestamp authority when something is wrong: the clock, the queue, the certificate's end.
#![expect(clippy::unwrap_used, reason = "a test program: what is not there fails the test")]

#[path = "support/moved.rs"]
mod moved;

use std::{net::SocketAddr, os::unix::fs::PermissionsExt, sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderMap, Request, StatusCode},
};
use http_body_util::BodyExt;
use moved::Moved;
use treering_log::{
    access::Access,
    clock::{Clock, SystemClock},
    config::{Config, render, render_tsa},
    http::{Api, App, HttpMetrics, api},
    log::Log,
    tsa::{Tsa, TsaSetup},
};
use treering_tlog::{
    checkpoint::Origin,
    note::{KeyName, SigningKey},
};
use treering_tsa::{
    gen_time::GenTime,
    imprint::{Imprint, ImprintAlgorithm},
    issue::TestCa,
    query::Query,
    reply::Reply,
    signer::{KeyKind, LocalSigner, TsaSigner},
};

const ORIGIN: &str = "log.example/tsa";
const DAY: u64 = 86_400;

struct Server {
    api: Api,
    log: Log,
    clock: Arc<Moved>,
    _folder: tempfile::TempDir,
}

impl Server {
    /// With these settings of `log.toml` in place of the defaults.
    async fn start(settings: &[(&str, &str)]) -> Server {
        Server::start_ahead(0, settings).await
    }

    /// The same, with a clock that is so many seconds ahead until just before the log starts.
    async fn start_ahead(seconds: u64, settings: &[(&str, &str)]) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let template =
            render(&Origin::new(ORIGIN).unwrap(), any, any) + &render_tsa("key.pem", "chain.pem", "1.2.3.4");
        let text = settings.iter().fold(template, |text, (from, to)| {
            assert!(text.contains(from), "{from}");
            text.replace(from, to)
        });
        std::fs::write(path("log.toml"), text).unwrap();
        std::fs::write(path("witnesses.policy"), "quorum none\n").unwrap();
        let clock = Moved::by(0);
        let now = GenTime::from_millis(clock.now().get()).unwrap();
        let signer = LocalSigner::generate(KeyKind::P256).unwrap();
        let ca = TestCa::generate(KeyKind::P256, "CN=ca", [1; 16], now).unwrap();
        let certificate = ca.issue_tsa(signer.public_key_info(), "CN=tsa", [2; 16], now, 30).unwrap();
        std::fs::write(path("chain.pem"), certificate.to_pem() + &ca.certificate().to_pem()).unwrap();
        std::fs::write(path("key.pem"), signer.to_pem().unwrap().as_bytes()).unwrap();
        std::fs::set_permissions(path("key.pem"), std::fs::Permissions::from_mode(0o600)).unwrap();

        let config = Config::load(&path("log.toml")).unwrap();
        clock.step(seconds);
        let setup = TsaSetup::load(config.tsa.as_ref().unwrap(), clock.now()).unwrap();
        clock.step(0);
        let key = SigningKey::from_seed(KeyName::new(ORIGIN).unwrap(), &[5; 32]);
        let log = Log::open(config.settings(&key).unwrap(), key, Arc::clone(&clock) as _).await.unwrap();
        let tsa = Tsa::new(setup, log.clone());
        let access = Access::open(config.access.clone(), config.origin.clone(), Arc::new(SystemClock::new()));
        let app =
            App::new(log.clone(), access.unwrap(), Some(tsa), config.limits, HttpMetrics::default()).unwrap();
        Server { api: api(app), log, clock, _folder: folder }
    }

    /// The headers of the answer, and why there is no token; `None` if there is one.
    async fn ask(&self) -> (HeaderMap, Option<&'static str>) {
        let imprint = Imprint::new(ImprintAlgorithm::Sha256, vec![7; 32]).unwrap();
        let query = Query::new(imprint, None, None, false).encode();
        let request = Request::post("/tsa").header("content-type", "application/timestamp-query");
        let (head, body) = self.api.answer(request.body(Body::from(query)).unwrap()).await.into_parts();
        assert_eq!(head.status, StatusCode::OK);
        assert_eq!(head.headers["content-type"], "application/timestamp-reply");
        let reply = Reply::parse(&body.collect().await.unwrap().to_bytes()).unwrap();
        let why = match reply.token() {
            Some(_) => None,
            None => Some(reply.status().unwrap().fail_info[0].name().unwrap()),
        };
        assert_eq!(head.headers.contains_key("treering-proof"), why.is_none());
        (head.headers, why)
    }

    /// Asks until the answer is this one: the first tick has to have looked at the clock, for example.
    async fn until(&self, wanted: Option<&'static str>) -> HeaderMap {
        loop {
            let (headers, why) = self.ask().await;
            if why == wanted {
                return headers;
            }
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_stepped_gives_no_time_until_it_is_back() {
    let server = Server::start(&[("tick_ms = 1000", "tick_ms = 50")]).await;
    server.until(None).await;
    server.clock.step(3_600);
    assert_eq!(server.ask().await.1, Some("timeNotAvailable"));
    // A tick has seen it, and holds sealing.
    while server.log.status().degraded.iter().all(|why| !why.contains("stepped")) {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.ask().await.1, Some("timeNotAvailable"));
    server.clock.step(0);
    server.until(None).await;
    server.log.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_is_a_failure_that_says_when_to_come_back() {
    let server =
        Server::start(&[("tick_ms = 1000", "tick_ms = 60000"), ("max_pending = 500000", "max_pending = 2")])
            .await;
    server.until(None).await;
    let headers = server.until(Some("systemFailure")).await;
    assert_eq!(headers["retry-after"], "60");
    server.log.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_is_given_after_the_certificates_end() {
    let server = Server::start(&[("tick_ms = 1000", "tick_ms = 50")]).await;
    server.until(None).await;
    server.clock.sleep(29 * DAY);
    server.until(None).await;
    server.clock.sleep(31 * DAY);
    server.until(Some("systemFailure")).await;
    server.log.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_stops_gives_no_more_tokens() {
    let server = Server::start(&[("tick_ms = 1000", "tick_ms = 50")]).await;
    server.until(None).await;
    server.log.stop(Duration::from_secs(10)).await;
    assert_eq!(server.ask().await.1, Some("systemFailure"));
}

/// The log takes a clock that was set right while it started, and so do timestamps that state their order.
#[tokio::test(flavor = "multi_thread")]
async fn the_order_of_tokens_begins_with_a_clock_that_is_vouched_for() {
    let server = Server::start_ahead(3_600, &[("ordering = false", "ordering = true")]).await;
    while server.log.time(Duration::from_secs(1)).is_err() {
        tokio::task::yield_now().await;
    }
    // Of the millisecond in which that was there may have been tokens.
    let since = server.clock.now();
    while server.clock.now() == since {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.ask().await.1, None);
    server.log.stop(Duration::from_secs(10)).await;
}
