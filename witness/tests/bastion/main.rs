//! The reverse connection, against a small C2SP https-bastion.
#![forbid(unsafe_code)]

mod server;
#[path = "../support/mod.rs"]
mod support;

use std::{convert::Infallible, path::Path, sync::Arc};

use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use server::{Answer, Backend, Kind, TestBastion};
use support::{TestLog, TestWitness, config, directory};
use treering_tlog::{
    cosignature,
    note::VerifierKey,
    witness::{AddCheckpoint, origin_hash, parse_signatures},
};
use treering_witness::{
    bastion::create_key_file,
    clock::SystemClock,
    config::{BastionSettings, Settings},
    serve,
    store::MemoryStore,
};

fn settings(bastion: &TestBastion, ca: &str) -> BastionSettings {
    let address = bastion.address.clone().try_into().expect("an address");
    BastionSettings { address, key: BastionSettings::default_key(), ca: Some(ca.into()) }
}

/// A witness that knows the log and connects to the bastions; and the hash of the key that they know it by.
async fn witness(
    bastions: &[&TestBastion],
    log: &TestLog,
    set: impl FnOnce(&mut Settings),
) -> (TestWitness, String) {
    let (dir, vkey) = directory();
    support::add(dir.path(), log);
    let made = create_key_file(&dir.path().join("bastion-key")).expect("a new key");
    let mut config = config(dir.path());
    for (n, bastion) in bastions.iter().enumerate() {
        let ca = format!("ca-{n}.pem");
        std::fs::write(dir.path().join(&ca), &bastion.ca).expect("written");
        config.settings.bastion.push(settings(bastion, &ca));
    }
    set(&mut config.settings);
    // In memory: what is tested is the connection, and some of these witnesses haven't the time for a disk.
    let running = serve::start_with(config, Arc::new(MemoryStore::new()), Arc::new(SystemClock));
    let running = running.await.expect("the witness starts");
    (TestWitness { dir, vkey, running, http: reqwest::Client::new() }, made.hash())
}

/// Waits until the metrics of the witness hold this line.
async fn shows(witness: &TestWitness, line: &str) {
    let url = witness.admin_url("/metrics");
    // On a connection of its own each time: one that is kept may be closed just when it is used again.
    let metrics = async || reqwest::get(&url).await.expect("an answer").text().await.expect("a text");
    for _ in 0..6000 {
        if metrics().await.lines().any(|one| one == line) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("waited for this in vain: {line}\n{}", metrics().await);
}

fn connected(bastion: &TestBastion, is: u8) -> String {
    format!("treering_witness_bastion_connected{{bastion=\"{}\"}} {is}", bastion.address)
}

fn connections(bastion: &TestBastion, result: &str, count: u8) -> String {
    let name = "treering_witness_bastion_connections_total";
    format!("{name}{{bastion=\"{}\",result=\"{result}\"}} {count}", bastion.address)
}

#[track_caller]
fn cosigned(answer: &Answer, vkey: &VerifierKey, log: &TestLog, size: u64) {
    assert_eq!(answer.0, 200, "{}", answer.2);
    let lines = parse_signatures(answer.2.as_bytes()).expect("signature lines");
    cosignature::verify(vkey, &log.checkpoint(size), &lines[0]).expect("a good cosignature");
}

async fn grow(backend: &Backend, witness: &TestWitness, log: &TestLog, old: u64, new: u64) {
    let answer = backend.send("POST", "/add-checkpoint", log.request(old, new).to_string()).await;
    cosigned(&answer, &witness.vkey, log, new);
}

#[tokio::test]
async fn a_witness_is_served_through_the_connection_that_it_opened() {
    let log = TestLog::new("log.example/a");
    let bastion = TestBastion::start(Kind::Good).await;
    let (witness, key_hash) = witness(&[&bastion], &log, |_| {}).await;
    let backend = bastion.accept().await;
    assert_eq!(backend.key_hash, key_hash);
    grow(&backend, &witness, &log, 0, 3).await;
    // Every call and each refusal is as on the listener.
    let path = format!("/{}/checkpoint", origin_hash(&log.origin));
    let (status, content_type, note) = backend.send("GET", &path, "").await;
    assert_eq!((status, content_type.as_str()), (200, "text/plain; charset=utf-8"));
    assert_eq!(note, witness.get(&witness.url(&path)).await.body);
    let stale = backend.send("POST", "/add-checkpoint", log.request(1, 4).to_string()).await;
    assert_eq!(stale, (409, "text/x.tlog.size".to_owned(), "3\n".to_owned()));
    let (status, _, subtrees) = backend.send("POST", "/sign-subtree", "").await;
    assert!(status == 404 && subtrees.contains("no_subtrees"), "it has no ML-DSA key: {subtrees}");
    assert_eq!(backend.send("GET", "/metrics", "").await.0, 404, "the admin pages are not for the bastion");
    let long = backend.send("POST", "/add-checkpoint", vec![b'x'; AddCheckpoint::MAX_BYTES + 1]).await;
    assert_eq!(long.0, 413, "{}", long.2);
    // All logs share it: many requests at once.
    let many = join_all((0..100).map(|_| backend.send("GET", &path, ""))).await;
    assert!(many.iter().all(|answer| answer.0 == 200));
    shows(&witness, &connected(&bastion, 1)).await;
    shows(&witness, &connections(&bastion, "connected", 1)).await;
    // The listener is there all the same.
    witness.send(&log.request(3, 4)).await.cosigned(&witness.vkey, &log.checkpoint(4));
    assert!(witness.running.stop().await, "not stopped in time");
    backend.connection.await.expect("the connection was ended");
}

#[tokio::test]
async fn a_connection_that_ends_is_opened_again() {
    let log = TestLog::new("log.example/a");
    let bastion = TestBastion::start(Kind::Good).await;
    let (witness, _) = witness(&[&bastion], &log, |_| {}).await;
    for round in 0..2 {
        let backend = bastion.accept().await;
        grow(&backend, &witness, &log, round * 2, round * 2 + 2).await;
        shows(&witness, &connected(&bastion, 1)).await;
        backend.connection.abort();
        shows(&witness, &connected(&bastion, 0)).await;
    }
    shows(&witness, &connections(&bastion, "connected", 2)).await;
}

#[tokio::test]
async fn each_of_several_bastions_has_its_connection() {
    let log = TestLog::new("log.example/a");
    let bastions = [TestBastion::start(Kind::Good).await, TestBastion::start(Kind::Good).await];
    let (witness, key_hash) = witness(&[&bastions[0], &bastions[1]], &log, |_| {}).await;
    let (one, other) = tokio::join!(bastions[0].accept(), bastions[1].accept());
    assert_eq!((&one.key_hash, &other.key_hash), (&key_hash, &key_hash));
    grow(&one, &witness, &log, 0, 1).await;
    grow(&other, &witness, &log, 1, 2).await;
}

#[tokio::test]
async fn what_is_no_good_bastion_gets_no_request_served() {
    let log = TestLog::new("log.example/a");
    for kind in [Kind::Full, Kind::OtherProtocol, Kind::OldTls] {
        let bastion = TestBastion::start(kind).await;
        let (witness, _) = witness(&[&bastion], &log, |_| {}).await;
        let handshake = bastion.handshake().await;
        // Without the protocol the handshake itself is good; the witness hangs up before it serves.
        assert_eq!(handshake.is_ok(), kind == Kind::OtherProtocol, "{kind:?}");
        shows(&witness, &connections(&bastion, "failed", 1)).await;
        shows(&witness, &connected(&bastion, 0)).await;
    }
}

#[tokio::test]
async fn a_bastion_with_a_certificate_that_nobody_vouches_for_is_not_spoken_to() {
    let log = TestLog::new("log.example/a");
    let (bastion, other) = (TestBastion::start(Kind::Good).await, TestBastion::start(Kind::Good).await);
    for ca in [Some("other.pem"), None] {
        let (dir, vkey) = directory();
        support::add(dir.path(), &log);
        create_key_file(&dir.path().join("bastion-key")).expect("a new key");
        std::fs::write(dir.path().join("other.pem"), &other.ca).expect("written");
        let mut config = config(dir.path());
        config.settings.bastion = vec![BastionSettings { ca: ca.map(Into::into), ..settings(&bastion, "") }];
        let running = serve::start(config).await.expect("the witness starts");
        let witness = TestWitness { dir, vkey, running, http: reqwest::Client::new() };
        bastion.handshake().await.expect_err("no handshake");
        shows(&witness, &connections(&bastion, "failed", 1)).await;
    }
}

#[tokio::test]
async fn a_bastion_that_says_nothing_is_given_up() {
    let log = TestLog::new("log.example/a");
    let bastion = TestBastion::start(Kind::Good).await;
    let (witness, _) = witness(&[&bastion], &log, |settings| settings.limits.idle_timeout_ms = 3000).await;
    // Kept open, and silent.
    let _silent = bastion.handshake().await;
    shows(&witness, &connections(&bastion, "failed", 1)).await;
    let backend = bastion.accept().await;
    grow(&backend, &witness, &log, 0, 1).await;
}

#[tokio::test]
async fn a_body_that_never_ends_holds_up_nobody() {
    let log = TestLog::new("log.example/a");
    let bastion = TestBastion::start(Kind::Good).await;
    let (witness, _) = witness(&[&bastion], &log, |settings| settings.limits.request_timeout_ms = 2000).await;
    let backend = bastion.accept().await;
    let endless =
        || StreamBody::new(futures_util::stream::pending::<Result<Frame<Bytes>, Infallible>>()).boxed();
    let slow = join_all((0..20).map(|_| backend.send_body("POST", "/add-checkpoint", endless())));
    let (slow, ()) = tokio::join!(slow, grow(&backend, &witness, &log, 0, 1));
    assert!(slow.iter().all(|answer| answer.0 == 408), "{slow:?}");
    grow(&backend, &witness, &log, 1, 2).await;
}

#[tokio::test]
async fn what_is_configured_wrongly_is_said_at_the_start() {
    let bastion = TestBastion::start(Kind::Good).await;
    let start = async |change: &dyn Fn(&Path, &mut BastionSettings)| {
        let (dir, _) = directory();
        create_key_file(&dir.path().join("bastion-key")).expect("a new key");
        let mut settings = BastionSettings { ca: None, ..settings(&bastion, "") };
        change(dir.path(), &mut settings);
        let mut config = config(dir.path());
        config.settings.bastion = vec![settings];
        serve::start(config).await.expect_err("it is refused").to_string()
    };
    let refused = start(&|_, settings| settings.key = "missing".into()).await;
    assert!(refused.ends_with("`treering-witness key bastion` makes a bastion's key"), "{refused}");
    let refused = start(&|dir, _| {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(dir.join("bastion-key"), mode).expect("changed");
    })
    .await;
    assert!(refused.contains("has mode 0644"), "{refused}");
    // The witness's own key is of another kind.
    let refused = start(&|_, settings| settings.key = "key".into()).await;
    assert!(refused.contains("is no Ed25519 key in PKCS #8, as PEM"), "{refused}");
    for (text, wanted) in [("nothing", "ca.pem: "), ("", "ca.pem: ")] {
        let refused = start(&|dir, settings| {
            std::fs::write(dir.join("ca.pem"), text).expect("written");
            settings.ca = Some("ca.pem".into());
        })
        .await;
        assert!(refused.contains(wanted), "{refused}");
    }
}
