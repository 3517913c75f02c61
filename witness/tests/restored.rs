//! A store that was restored from a backup is found out by what the logs publish.
#![forbid(unsafe_code)]

mod support;

use std::{
    collections::HashMap,
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use axum::{Router, extract, http::StatusCode, routing::get};
use support::{Answer, TestLog, TestWitness, config, directory};
use treering_tlog::note::{Note, VerifierKey};
use treering_witness::serve;

/// What logs publish, by the first part of the path.
#[derive(Clone, Debug, Default)]
struct Published(Arc<Mutex<HashMap<String, String>>>);

impl Published {
    async fn serve(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let here = self.clone();
        let answer = async move |extract::Path(log): extract::Path<String>| {
            here.0.lock().expect("not poisoned").get(&log).cloned().ok_or(StatusCode::NOT_FOUND)
        };
        let router = Router::new().route("/{log}/checkpoint", get(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    /// The log's checkpoint with the cosignature that the witness gave.
    fn put(&self, path: &str, log: &TestLog, size: u64, answer: &Answer) {
        let text = format!("{}{}", log.note(size), answer.body);
        Note::parse(text.as_bytes()).expect("a note");
        self.0.lock().expect("not poisoned").insert(path.to_owned(), text);
    }
}

async fn start(dir: tempfile::TempDir, vkey: VerifierKey) -> TestWitness {
    let running = serve::start(config(dir.path())).await.expect("the witness starts");
    TestWitness { dir, vkey, running, http: reqwest::Client::new() }
}

async fn stop(witness: TestWitness) -> (tempfile::TempDir, VerifierKey) {
    assert!(witness.running.stop().await, "not stopped in time");
    (witness.dir, witness.vkey)
}

fn policy(dir: &Path, file: &str, log: &TestLog, url: &str) {
    fs::create_dir_all(dir.join("logs")).expect("made");
    let text = format!("log {} {url}\nquorum none\n", log.vkey());
    fs::write(dir.join("logs").join(file), text).expect("written");
}

#[tokio::test]
async fn a_log_that_shows_it_was_further_is_not_signed_for() {
    let (a, b, c) =
        (TestLog::new("log.example/a"), TestLog::new("log.example/b"), TestLog::new("log.example/c"));
    let published = Published::default();
    let url = published.serve().await;
    let (dir, vkey) = directory();
    policy(dir.path(), "a.policy", &a, &format!("{url}/a"));
    policy(dir.path(), "b.policy", &b, &format!("{url}/b/"));
    support::add(dir.path(), &c);

    let witness = start(dir, vkey).await;
    let first = witness.send(&a.request(0, 5)).await;
    first.cosigned(&witness.vkey, &a.checkpoint(5));
    published.put("a", &a, 5, &first);
    published.put("b", &b, 3, &witness.send(&b.request(0, 3)).await);
    witness.send(&c.request(0, 2)).await.cosigned(&witness.vkey, &c.checkpoint(2));
    let (dir, vkey) = stop(witness).await;
    let (store, backup, newest) =
        (dir.path().join("witness.redb"), dir.path().join("backup"), dir.path().join("newest"));
    fs::copy(&store, &backup).unwrap();

    // The true store: what is published agrees.
    let witness = start(dir, vkey).await;
    let rows = witness.running.cosigner().rows();
    let records: Vec<_> = rows.iter().map(|row| (row.signed, row.record.as_str())).collect();
    assert_eq!(records, [(true, "agrees"), (true, "agrees"), (true, "unchecked: no URL is known")]);
    let second = witness.send(&a.request(5, 9)).await;
    second.cosigned(&witness.vkey, &a.checkpoint(9));
    published.put("a", &a, 9, &second);
    let (dir, vkey) = stop(witness).await;
    fs::copy(&store, &newest).unwrap();

    // The backup: another history from 5 on would be consistent with it.
    fs::copy(&backup, &store).unwrap();
    let witness = start(dir, vkey).await;
    let mut fork = a.request(5, 9);
    fork.checkpoint = a.note(9);
    assert_eq!(witness.send(&fork).await.problem(503), "held");
    assert_eq!(witness.send(&a.request(5, 5)).await.problem(503), "held");
    // Of a log that can't be compared nothing is known, and the store is known to be old.
    assert_eq!(witness.send(&c.request(2, 4)).await.problem(503), "held");
    // This one agrees.
    witness.send(&b.request(3, 4)).await.cosigned(&witness.vkey, &b.checkpoint(4));
    let rows = witness.running.cosigner().rows();
    assert_eq!(rows.iter().map(|row| row.signed).collect::<Vec<_>>(), [false, true, false]);
    assert!(
        rows[0]
            .record
            .starts_with("older than signed: the log shows a cosignature by this witness of size 9")
    );
    let ready = witness.get(&witness.admin_url("/readyz")).await;
    assert_eq!(ready.status, 503);
    assert!(ready.body.contains("records: older than what this witness signed"), "{}", ready.body);
    let metrics = witness.get(&witness.admin_url("/metrics")).await.body;
    assert!(metrics.contains("treering_witness_logs_held 2\n"), "{metrics}");
    let (dir, vkey) = stop(witness).await;

    // The newest store again (b went on from 3 in the old one, but its record here is older than what it published).
    fs::copy(&newest, &store).unwrap();
    let witness = start(dir, vkey).await;
    witness.send(&a.request(9, 12)).await.cosigned(&witness.vkey, &a.checkpoint(12));
    witness.send(&c.request(2, 4)).await.cosigned(&witness.vkey, &c.checkpoint(4));
}

#[tokio::test]
async fn a_log_that_is_away_is_unchecked_and_signed_for() {
    let (a, b) = (TestLog::new("log.example/a"), TestLog::new("log.example/b"));
    let published = Published::default();
    let url = published.serve().await;
    let (dir, vkey) = directory();
    policy(dir.path(), "a.policy", &a, &format!("{url}/nothing-here"));
    // A port on which nobody listens: this one was given to us and given back.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    policy(dir.path(), "b.policy", &b, &format!("http://{free}"));
    let witness = start(dir, vkey).await;
    let rows = witness.running.cosigner().rows();
    assert_eq!(rows[0].record, "unchecked: it answered 404 Not Found");
    assert!(rows[1].record.starts_with("unchecked: it can't be reached: "), "{}", rows[1].record);
    witness.send(&a.request(0, 3)).await.cosigned(&witness.vkey, &a.checkpoint(3));
    witness.send(&b.request(0, 3)).await.cosigned(&witness.vkey, &b.checkpoint(3));
    let metrics = witness.get(&witness.admin_url("/metrics")).await.body;
    assert!(metrics.contains("treering_witness_logs_unchecked 2\n"), "{metrics}");
}
