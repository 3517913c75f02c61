//! A log to be witnessed, and a witness in this process.
#![expect(dead_code, reason = "each test file uses its own part of this")]

use std::{fs::OpenOptions, io::Write as _, path::Path, sync::Arc};

use tempfile::TempDir;
use treering_tlog::{
    checkpoint::{Checkpoint, Origin},
    cosignature,
    hash::{Hash, leaf_hash},
    note::{KeyName, Note, SigningKey, VerifierKey},
    time::UnixSeconds,
    tree::{MemoryTree, TreeHead, TreeSize, prove_consistency},
    witness::{AddCheckpoint, parse_signatures},
};
use treering_witness::{
    clock::Clock,
    config::{Config, Limits, Settings},
    key::create_key_file,
    serve::{self, Running},
    store::{MemoryStore, RedbStore, Store},
};

/// Says that the running test was not made, and why: on the process's own standard error, which is shown for tests that pass
/// too.
pub(crate) fn skipped(why: &str) {
    let thread = std::thread::current();
    // Nobody reads it if it can't be written.
    let _ = writeln!(std::io::stderr(), "\nSKIPPED {}: {why}", thread.name().unwrap_or("a test"));
}

/// A log whose leaves are known by their number, and by a word that makes its history another one.
pub(crate) struct TestLog {
    pub(crate) key: SigningKey,
    pub(crate) origin: Origin,
    history: String,
}

impl TestLog {
    pub(crate) fn new(name: &str) -> TestLog {
        let mut seed = [0; 32];
        seed[..name.len().min(32)].copy_from_slice(&name.as_bytes()[..name.len().min(32)]);
        let key = SigningKey::from_seed(KeyName::new(name).expect("a key name"), &seed);
        TestLog { key, origin: Origin::new(name).expect("an origin"), history: String::new() }
    }

    /// The same log, lying: every leaf is another.
    pub(crate) fn forked(&self, history: &str) -> TestLog {
        TestLog { history: history.to_owned(), ..TestLog::new(self.origin.as_str()) }
    }

    pub(crate) fn with_origin(mut self, origin: &str) -> TestLog {
        self.origin = Origin::new(origin).expect("an origin");
        self
    }

    pub(crate) fn with_key(mut self, seed: u8) -> TestLog {
        self.key = SigningKey::from_seed(self.key.verifier().name().clone(), &[seed; 32]);
        self
    }

    pub(crate) fn vkey(&self) -> VerifierKey {
        self.key.verifier()
    }

    pub(crate) fn tree(&self, size: u64) -> MemoryTree {
        MemoryTree::new((0..size).map(|i| leaf_hash(format!("{}{i}", self.history).as_bytes())).collect())
    }

    pub(crate) fn checkpoint(&self, size: u64) -> Checkpoint {
        let head = TreeHead { size: tree_size(size), root: self.tree(size).root() };
        Checkpoint { origin: self.origin.clone(), head, extensions: Vec::new() }
    }

    pub(crate) fn note(&self, size: u64) -> Note {
        self.checkpoint(size).sign(&self.key)
    }

    pub(crate) fn proof(&self, old: u64, new: u64) -> Vec<Hash> {
        let tree = self.tree(new);
        prove_consistency(&mut &tree, tree_size(old), tree_size(new)).expect("the tree is in memory")
    }

    pub(crate) fn request(&self, old: u64, new: u64) -> AddCheckpoint {
        AddCheckpoint { old: tree_size(old), proof: self.proof(old, new), checkpoint: self.note(new) }
    }
}

pub(crate) fn tree_size(size: u64) -> TreeSize {
    TreeSize::new(size).expect("a size below 2^63")
}

/// A witness in this process, and its directory.
pub(crate) struct TestWitness {
    pub(crate) dir: TempDir,
    pub(crate) vkey: VerifierKey,
    pub(crate) running: Running,
    pub(crate) http: reqwest::Client,
}

/// A witness's directory with a key and a store, and settings for port 0.
pub(crate) fn directory() -> (TempDir, VerifierKey) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let name = KeyName::new("witness.example/w1").expect("a key name");
    let vkey = create_key_file(&dir.path().join("key"), name).expect("a new key");
    RedbStore::create(&dir.path().join("witness.redb"), std::slice::from_ref(&vkey)).expect("a new store");
    (dir, vkey)
}

pub(crate) fn config(dir: &Path) -> Config {
    let any = "127.0.0.1:0".parse().expect("an address");
    let limits = Limits {
        request_timeout_ms: LONG,
        idle_timeout_ms: LONG,
        shutdown_timeout_ms: LONG,
        ..Limits::default()
    };
    let settings = Settings { listen: any, admin_listen: Some(any), limits, ..Settings::default() };
    Config { dir: dir.to_owned(), settings }
}

/// Milliseconds that a test's witness gives itself, whatever else the machine and its disk do.
const LONG: u64 = 30_000;

/// The same for one that `init` made.
pub(crate) fn be_patient(dir: &Path) {
    let mut file = OpenOptions::new().append(true).open(dir.join("witness.toml")).expect("`init` made it");
    // Its last table is that of the limits.
    for what in ["request", "idle", "shutdown"] {
        writeln!(file, "{what}_timeout_ms = {LONG}").expect("written");
    }
}

/// Makes the log one that the witness of this directory knows, from its next start or reload on.
pub(crate) fn add(dir: &Path, log: &TestLog) {
    let candidates = treering_witness::logs::candidates(&log.vkey().to_string(), Some(&log.origin));
    treering_witness::logs::write(&dir.join("logs"), &candidates.expect("a key")[0]).expect("written");
}

impl TestWitness {
    /// With its own redb store and the system's clock.
    pub(crate) async fn start(logs: &[&TestLog]) -> TestWitness {
        TestWitness::start_configured(logs, |_| {}).await
    }

    pub(crate) async fn start_configured(logs: &[&TestLog], set: impl FnOnce(&mut Settings)) -> TestWitness {
        let (dir, vkey) = directory();
        logs.iter().for_each(|log| add(dir.path(), log));
        let mut config = config(dir.path());
        set(&mut config.settings);
        let running = serve::start(config).await.expect("the witness starts");
        TestWitness { dir, vkey, running, http: reqwest::Client::new() }
    }

    /// With a store in memory and another clock.
    pub(crate) async fn start_on(
        logs: &[&TestLog],
        store: Option<Arc<dyn Store>>,
        clock: Arc<dyn Clock>,
    ) -> TestWitness {
        let (dir, vkey) = directory();
        logs.iter().for_each(|log| add(dir.path(), log));
        let store = store.unwrap_or_else(|| Arc::new(MemoryStore::new()));
        let running = serve::start_with(config(dir.path()), store, clock).await.expect("the witness starts");
        TestWitness { dir, vkey, running, http: reqwest::Client::new() }
    }

    /// Stops and starts on the same directory.
    pub(crate) async fn restart(self) -> TestWitness {
        assert!(self.running.stop().await, "not stopped in time");
        let running = serve::start(config(self.dir.path())).await.expect("the witness starts again");
        TestWitness { dir: self.dir, vkey: self.vkey, running, http: reqwest::Client::new() }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.running.addr())
    }

    pub(crate) fn admin_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.running.admin_addr().expect("an admin listener"))
    }

    pub(crate) async fn post(&self, body: impl Into<reqwest::Body>) -> Answer {
        Answer::of(self.http.post(self.url("/add-checkpoint")).body(body).send().await.expect("an answer"))
            .await
    }

    pub(crate) async fn send(&self, request: &AddCheckpoint) -> Answer {
        self.post(request.to_string()).await
    }

    pub(crate) async fn get(&self, url: &str) -> Answer {
        Answer::of(self.http.get(url).send().await.expect("an answer")).await
    }
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) async fn of(response: reqwest::Response) -> Answer {
        let headers = response.headers().clone();
        let content_type = headers.get("content-type").map(|v| v.to_str().expect("ASCII").to_owned());
        let status = response.status().as_u16();
        let body = response.text().await.expect("a whole body");
        Answer { status, content_type: content_type.unwrap_or_default(), headers, body }
    }

    /// The one cosignature of a 200, verified over the log's checkpoint.
    #[track_caller]
    pub(crate) fn cosigned(&self, witness: &VerifierKey, checkpoint: &Checkpoint) -> UnixSeconds {
        assert_eq!(self.status, 200, "{}", self.body);
        let signatures = parse_signatures(self.body.as_bytes()).expect("signature lines");
        assert_eq!(signatures.len(), 1);
        cosignature::verify(witness, checkpoint, &signatures[0]).expect("a good cosignature")
    }

    /// The cosignatures of a 200, one by each key in their order, all of one time.
    #[track_caller]
    pub(crate) fn cosigned_by_all(&self, witness: &[VerifierKey], checkpoint: &Checkpoint) -> UnixSeconds {
        assert_eq!(self.status, 200, "{}", self.body);
        let signatures = parse_signatures(self.body.as_bytes()).expect("signature lines");
        assert_eq!(signatures.len(), witness.len());
        let verify = |(key, line)| cosignature::verify(key, checkpoint, line).expect("a good cosignature");
        let times: Vec<_> = witness.iter().zip(&signatures).map(verify).collect();
        assert!(times.iter().all(|time| *time == times[0]), "{times:?}");
        times[0]
    }

    /// The problem's name, after checking its form.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.content_type, "application/problem+json");
        let problem: serde_json::Value = serde_json::from_str(&self.body).expect("JSON");
        assert_eq!(problem["status"], status);
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
        let kind = problem["type"].as_str().expect("a type");
        kind.strip_prefix("urn:treering:problem:").expect("one of ours").to_owned()
    }

    #[track_caller]
    pub(crate) fn conflict(&self) -> u64 {
        assert_eq!(self.status, 409, "{}", self.body);
        // SPEC: tlog-witness, add-checkpoint: the 409's content type and body.
        assert_eq!(self.content_type, "text/x.tlog.size");
        let size = self.body.strip_suffix('\n').expect("a newline at the end");
        size.parse().expect("a decimal")
    }
}
