//! `POST /add-checkpoint`: every status of the standard, and every limit.
#![forbid(unsafe_code)]

mod support;

use std::sync::Arc;

use support::{Answer, TestLog, TestWitness, tree_size};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use treering_tlog::{
    checkpoint::{Checkpoint, VerifiedCheckpoint},
    hash::Hash,
    note::{KeyName, Note, SigningKey},
    tree::TreeHead,
    witness::AddCheckpoint,
};
use treering_witness::clock::ManualClock;

#[tokio::test]
async fn a_log_that_grows_is_cosigned() {
    let log = TestLog::new("log.example/a");
    let witness = TestWitness::start(&[&log]).await;
    let mut last = 0;
    for (old, new) in [(0, 1), (1, 4), (4, 4), (4, 300)] {
        let answer = witness.send(&log.request(old, new)).await;
        let time = answer.cosigned(&witness.vkey, &log.checkpoint(new)).get();
        assert!(time >= last);
        last = time;
    }
}

#[tokio::test]
async fn the_empty_tree_is_cosigned_again_and_again() {
    let log = TestLog::new("log.example/a");
    let witness = TestWitness::start(&[&log]).await;
    for _ in 0..2 {
        witness.send(&log.request(0, 0)).await.cosigned(&witness.vkey, &log.checkpoint(0));
    }
    witness.send(&log.request(0, 3)).await.cosigned(&witness.vkey, &log.checkpoint(3));
    assert_eq!(witness.send(&log.request(0, 0)).await.conflict(), 3);
}

#[tokio::test]
async fn what_is_no_request_is_400() {
    let log = TestLog::new("log.example/a");
    let witness = TestWitness::start(&[&log]).await;
    let good = log.request(0, 3).to_string();
    for bad in
        ["", "old 0\n", "hello", "old -1\n\n", &good[..good.len() - 1], &good.replacen("old 0", "old 00", 1)]
    {
        assert_eq!(witness.post(bad.to_owned()).await.problem(400), "malformed_request", "{bad:?}");
    }
    let proof = AddCheckpoint { proof: vec![Hash::EMPTY_ROOT; 64], ..log.request(0, 3) };
    assert_eq!(witness.send(&proof).await.problem(400), "malformed_request");
    let text = format!("{}\nthree\n{}\n", log.origin, Hash::EMPTY_ROOT.to_base64());
    let note = Note::new(&text, vec![log.key.sign(&text)]).unwrap();
    let request = AddCheckpoint { checkpoint: note, ..log.request(0, 3) };
    assert_eq!(witness.send(&request).await.problem(400), "malformed_checkpoint");
}

#[tokio::test]
async fn an_old_size_above_the_new_one_is_400() {
    let log = TestLog::new("log.example/a");
    let witness = TestWitness::start(&[&log]).await;
    witness.send(&log.request(0, 5)).await.cosigned(&witness.vkey, &log.checkpoint(5));
    let request = AddCheckpoint { old: tree_size(5), ..log.request(0, 3) };
    assert_eq!(witness.send(&request).await.problem(400), "old_above_new");
}

#[tokio::test]
async fn an_unknown_origin_is_404() {
    let (log, other) = (TestLog::new("log.example/a"), TestLog::new("log.example/b"));
    let witness = TestWitness::start(&[&log]).await;
    assert_eq!(witness.send(&other.request(0, 3)).await.problem(404), "unknown_log");
    // A known key does not make an unknown origin known.
    let renamed = TestLog::new("log.example/a").with_origin("log.example/c");
    assert_eq!(witness.send(&renamed.request(0, 3)).await.problem(404), "unknown_log");
}

#[tokio::test]
async fn a_checkpoint_that_no_trusted_key_signed_is_403() {
    let log = TestLog::new("log.example/a");
    let witness = TestWitness::start(&[&log]).await;
    let stranger = SigningKey::from_seed(KeyName::new("log.example/a").unwrap(), &[99; 32]);
    let request = AddCheckpoint { checkpoint: log.checkpoint(3).sign(&stranger), ..log.request(0, 3) };
    assert_eq!(witness.send(&request).await.problem(403), "not_signed");
}

#[tokio::test]
async fn a_trusted_keys_line_that_does_not_verify_is_403_whatever_else_verifies() {
    let log = TestLog::new("log.example/a");
    let witness = TestWitness::start(&[&log]).await;
    let (good, other) = (log.note(3), log.note(4));
    let both = vec![good.signatures()[0].clone(), other.signatures()[0].clone()];
    for signatures in [both, vec![other.signatures()[0].clone()]] {
        let checkpoint = Note::new(good.text(), signatures).unwrap();
        let request = AddCheckpoint { checkpoint, ..log.request(0, 3) };
        assert_eq!(witness.send(&request).await.problem(403), "not_signed");
    }
}

#[tokio::test]
async fn an_old_size_that_is_not_the_last_one_is_409_with_the_size() {
    let log = TestLog::new("log.example/a");
    let witness = TestWitness::start(&[&log]).await;
    assert_eq!(witness.send(&log.request(2, 3)).await.conflict(), 0);
    witness.send(&log.request(0, 5)).await.cosigned(&witness.vkey, &log.checkpoint(5));
    assert_eq!(witness.send(&log.request(0, 9)).await.conflict(), 5);
    assert_eq!(witness.send(&log.request(4, 9)).await.conflict(), 5);
    assert_eq!(witness.send(&log.request(6, 9)).await.conflict(), 5);
    // The size comes before the proof: a bad proof from a wrong size is still a 409.
    let request = AddCheckpoint { proof: vec![Hash::EMPTY_ROOT], ..log.request(4, 9) };
    assert_eq!(witness.send(&request).await.conflict(), 5);
    witness.send(&log.request(5, 9)).await.cosigned(&witness.vkey, &log.checkpoint(9));
}

#[tokio::test]
async fn what_is_not_consistent_is_422_and_changes_nothing() {
    let log = TestLog::new("log.example/a");
    let liar = log.forked("x");
    let witness = TestWitness::start(&[&log]).await;
    let request = AddCheckpoint { proof: vec![Hash::EMPTY_ROOT], ..log.request(0, 5) };
    assert_eq!(witness.send(&request).await.problem(422), "proof_from_empty");
    witness.send(&log.request(0, 5)).await.cosigned(&witness.vkey, &log.checkpoint(5));

    assert_eq!(witness.send(&liar.request(5, 5)).await.problem(422), "other_root");
    assert_eq!(witness.send(&liar.request(5, 9)).await.problem(422), "inconsistent");
    let request = AddCheckpoint { proof: Vec::new(), ..log.request(5, 9) };
    assert_eq!(witness.send(&request).await.problem(422), "inconsistent");
    let request = AddCheckpoint { proof: vec![Hash::EMPTY_ROOT], ..log.request(5, 5) };
    assert_eq!(witness.send(&request).await.problem(422), "inconsistent");

    witness.send(&log.request(5, 9)).await.cosigned(&witness.vkey, &log.checkpoint(9));
}

#[tokio::test]
async fn size_zero_with_another_root_is_422() {
    let log = TestLog::new("log.example/a");
    let witness = TestWitness::start(&[&log]).await;
    let head = TreeHead { root: log.checkpoint(3).head.root, ..TreeHead::EMPTY };
    let checkpoint = Checkpoint { head, ..log.checkpoint(0) }.sign(&log.key);
    let request = AddCheckpoint { checkpoint, ..log.request(0, 0) };
    assert_eq!(witness.send(&request).await.problem(422), "empty_root");
}

#[tokio::test]
async fn every_key_of_an_origin_may_sign_and_lines_by_others_are_not_kept() {
    let log = TestLog::new("log.example/a");
    let stranger = SigningKey::from_seed(KeyName::new("stranger.example").unwrap(), &[5; 32]);
    let second = TestLog::new("log.example/a").with_key(77);
    let witness = TestWitness::start(&[&log, &second]).await;

    let text = log.checkpoint(3).to_text();
    let keys = [&stranger, &log.key, &second.key, &log.key];
    let checkpoint = Note::new(&text, keys.map(|key| key.sign(&text)).to_vec()).unwrap();
    let answer = witness.send(&AddCheckpoint { checkpoint, ..log.request(0, 3) }).await;
    answer.cosigned(&witness.vkey, &log.checkpoint(3));

    let hash = treering_tlog::witness::origin_hash(&log.origin);
    let shown = witness.get(&witness.url(&format!("/{hash}/checkpoint"))).await;
    let note = Note::parse(shown.body.as_bytes()).unwrap();
    let signers: Vec<_> = note.signatures().iter().map(|s| (s.name().as_str(), s.id())).collect();
    let expected = [log.vkey(), second.vkey(), witness.vkey.clone()];
    assert_eq!(signers, expected.iter().map(|key| (key.name().as_str(), key.id())).collect::<Vec<_>>());

    witness.send(&second.request(3, 7)).await.cosigned(&witness.vkey, &log.checkpoint(7));
}

#[tokio::test]
async fn an_origin_may_differ_from_its_keys_name() {
    let log = TestLog::new("log.example/a").with_origin("Log A of 2026");
    let witness = TestWitness::start(&[&log]).await;
    witness.send(&log.request(0, 3)).await.cosigned(&witness.vkey, &log.checkpoint(3));
}

#[tokio::test]
async fn the_monitoring_endpoint_shows_the_last_cosigned_checkpoint() {
    let (log, silent) = (TestLog::new("log.example/a"), TestLog::new("log.example/b"));
    let witness = TestWitness::start(&[&log, &silent]).await;
    let path = |log: &TestLog| format!("/{}/checkpoint", treering_tlog::witness::origin_hash(&log.origin));
    assert_eq!(witness.get(&witness.url(&path(&log))).await.problem(404), "unknown_path");

    witness.send(&log.request(0, 5)).await.cosigned(&witness.vkey, &log.checkpoint(5));
    let answer = witness.send(&log.request(5, 8)).await;
    let shown = witness.get(&witness.url(&path(&log))).await;
    assert_eq!((shown.status, shown.content_type.as_str()), (200, "text/plain; charset=utf-8"));
    assert!(shown.body.ends_with(&answer.body), "the cosignature that was returned is shown");
    let note = Note::parse(shown.body.as_bytes()).unwrap();
    let opened = VerifiedCheckpoint::open(note, &log.origin, &[log.vkey()]).unwrap();
    assert_eq!(opened.checkpoint(), &log.checkpoint(8));

    assert_eq!(witness.get(&witness.url(&path(&silent))).await.problem(404), "unknown_path");
    let upper = path(&log).to_uppercase();
    assert_eq!(witness.get(&witness.url(&upper)).await.status, 404);
}

#[tokio::test]
async fn other_paths_are_404_and_other_methods_405() {
    let log = TestLog::new("log.example/a");
    let witness = TestWitness::start(&[&log]).await;
    assert_eq!(witness.get(&witness.url("/")).await.problem(404), "unknown_path");
    assert_eq!(witness.get(&witness.url("/metrics")).await.problem(404), "unknown_path");
    let got = witness.get(&witness.url("/add-checkpoint")).await;
    assert_eq!(got.problem(405), "method");
    assert_eq!(got.headers["allow"], "POST");
    let put = witness.http.put(witness.url("/add-checkpoint")).send().await.unwrap();
    assert_eq!(Answer::of(put).await.problem(405), "method");
    let posted = witness.http.post(witness.url("/00/checkpoint")).send().await.unwrap();
    assert_eq!(Answer::of(posted).await.problem(405), "method");
}

#[tokio::test]
async fn a_body_over_the_limit_is_413() {
    let log = TestLog::new("log.example/a");
    let witness = TestWitness::start(&[&log]).await;
    let body = |length: usize| vec![b'a'; length];
    assert_eq!(witness.post(body(AddCheckpoint::MAX_BYTES)).await.status, 400);
    assert_eq!(witness.post(body(AddCheckpoint::MAX_BYTES + 1)).await.problem(413), "too_large");
}

#[tokio::test]
async fn an_endless_body_is_cut() {
    let log = TestLog::new("log.example/a");
    let witness = TestWitness::start(&[&log]).await;
    let mut stream = tokio::net::TcpStream::connect(witness.running.addr()).await.unwrap();
    stream
        .write_all(b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await
        .unwrap();
    let chunk = [b"4000\r\n".as_slice(), &[b'a'; 0x4000], b"\r\n"].concat();
    let mut sent = 0_usize;
    // Whoever never stops sending is stopped: the write fails, long before this bound.
    while stream.write_all(&chunk).await.is_ok() {
        sent += chunk.len();
        assert!(sent < 64 << 20, "the body was read without end");
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_408() {
    let log = TestLog::new("log.example/a");
    let witness = TestWitness::start_configured(&[&log], |settings| {
        settings.limits.request_timeout_ms = 100;
    })
    .await;
    let answer =
        exchange(&witness, b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 5\r\n\r\nol").await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("urn:treering:problem:too_slow"));
}

#[tokio::test]
async fn a_connection_that_sends_nothing_or_a_part_of_a_preface_is_closed() {
    let log = TestLog::new("log.example/a");
    let witness = TestWitness::start_configured(&[&log], |settings| {
        settings.limits.request_timeout_ms = 100;
        settings.limits.idle_timeout_ms = 200;
    })
    .await;
    for silence in
        [b"".as_slice(), b"P", b"PRI * HTTP/2.0\r\n", b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\n"]
    {
        let answer = exchange(&witness, silence).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    }
}

/// Sends bytes and reads until the witness closes the connection.
async fn exchange(witness: &TestWitness, bytes: &[u8]) -> String {
    let mut stream = tokio::net::TcpStream::connect(witness.running.addr()).await.expect("connected");
    stream.write_all(bytes).await.expect("sent");
    let mut answer = Vec::new();
    // A reset is a close too.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).expect("UTF-8")
}

#[tokio::test]
async fn a_body_with_an_encoding_is_415() {
    let log = TestLog::new("log.example/a");
    let witness = TestWitness::start(&[&log]).await;
    let request = witness.http.post(witness.url("/add-checkpoint")).header("content-encoding", "gzip");
    let response = request.body(log.request(0, 3).to_string()).send().await.unwrap();
    assert_eq!(Answer::of(response).await.problem(415), "content_encoding");
}

#[tokio::test]
async fn a_connection_is_kept_whatever_is_answered() {
    let log = TestLog::new("log.example/a");
    let witness = TestWitness::start(&[&log]).await;
    let post = |old, new, more: &str| {
        let body = log.request(old, new).to_string();
        let length = body.len();
        format!("POST /add-checkpoint HTTP/1.1\r\nHost: w\r\n{more}Content-Length: {length}\r\n\r\n{body}")
    };
    let other = "GET /nowhere HTTP/1.1\r\nHost: w\r\n\r\n".to_owned();
    let all = [post(0, 3, ""), post(0, 5, ""), other, post(3, 5, "Connection: close\r\n")].concat();
    let answers = exchange(&witness, all.as_bytes()).await;
    let statuses = answers.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect::<Vec<_>>();
    assert_eq!(statuses, ["200", "409", "404", "200"], "{answers}");
}

#[tokio::test]
async fn both_versions_of_http_are_spoken() {
    let log = TestLog::new("log.example/a");
    let witness = TestWitness::start(&[&log]).await;
    let h2c = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let response =
        h2c.post(witness.url("/add-checkpoint")).body(log.request(0, 3).to_string()).send().await.unwrap();
    assert_eq!(response.version(), http::Version::HTTP_2);
    Answer::of(response).await.cosigned(&witness.vkey, &log.checkpoint(3));
}

#[tokio::test]
async fn a_clock_that_was_set_back_is_503_until_it_has_caught_up() {
    let log = TestLog::new("log.example/a");
    let clock = Arc::new(ManualClock::new(2_000_000_000));
    let witness = TestWitness::start_on(&[&log], None, clock.clone()).await;
    let time = witness.send(&log.request(0, 3)).await.cosigned(&witness.vkey, &log.checkpoint(3));
    assert_eq!(time.get(), 2_000_000_000);
    assert_eq!(witness.get(&witness.admin_url("/readyz")).await.status, 200);

    clock.set(1_999_999_990);
    let refused = witness.send(&log.request(3, 5)).await;
    assert_eq!(refused.problem(503), "clock");
    assert_eq!(refused.headers["retry-after"], "10");
    let ready = witness.get(&witness.admin_url("/readyz")).await;
    assert_eq!(ready.status, 503);
    assert_eq!(ready.body, "clock: this witness's clock is 10 s behind the last timestamp that it signed\n");

    clock.set(2_000_000_000);
    let time = witness.send(&log.request(3, 5)).await.cosigned(&witness.vkey, &log.checkpoint(5));
    assert_eq!(time.get(), 2_000_000_000);
}

#[tokio::test]
async fn the_admin_listener_has_metrics_and_health() {
    let log = TestLog::new("log.example/a");
    let witness = TestWitness::start(&[&log]).await;
    witness.send(&log.request(0, 3)).await.cosigned(&witness.vkey, &log.checkpoint(3));
    witness.send(&log.request(0, 3)).await.conflict();
    assert_eq!(witness.get(&witness.admin_url("/livez")).await.body, "alive\n");
    assert_eq!(witness.get(&witness.admin_url("/readyz")).await.body, "ready: 1 logs\n");
    let metrics = witness.get(&witness.admin_url("/metrics")).await.body;
    for line in [
        "treering_witness_add_checkpoint_total{result=\"cosigned\"} 1\n",
        "treering_witness_add_checkpoint_total{result=\"conflict\"} 1\n",
        "treering_witness_log_size{origin=\"log.example/a\"} 3\n",
        "treering_witness_logs 1\n",
        "treering_witness_updates_total 1\n",
    ] {
        assert!(metrics.contains(line), "{line}{metrics}");
    }
}
