//! A log that can lie, its two witnesses, and a monitor that follows it: all in this process.
#![expect(dead_code, reason = "each test file uses its own part of this")]

use std::{
    collections::{HashMap, VecDeque},
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{Router, extract::State, http::Uri, response::IntoResponse};
use http::{StatusCode, header};
use tempfile::TempDir;
use treering_tlog::{
    checkpoint::{Checkpoint, Origin},
    cosignature::CosignerKey,
    hash::{Hash, leaf_hash},
    note::{KeyName, Note, Signature, SigningKey},
    policy::Policy,
    tile::{TileKind, TilePath, append_entry},
    time::{UnixMillis, UnixSeconds},
    tree::{MemoryTree, TreeHead, TreeSize, root},
    witness::origin_hash,
};
use treering_token::entry::Entry;
use treering_witness::{
    clock::ManualClock,
    evidence::{Evidence, Kind, Verdict, verify},
    monitor::{
        Monitor, Round,
        config::{Batches, LogConfig, LogKind, MonitorConfig, UnknownKeys},
    },
};

/// When every test begins, in seconds.
pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const ORIGIN: &str = "log.example/2026";

/// What the server answers.
#[derive(Default)]
pub(crate) struct Pages {
    pub(crate) entries: Vec<Vec<u8>>,
    pub(crate) batches: Vec<Vec<u8>>,
    tree: Option<MemoryTree>,
    /// Answers that come first, by path.
    pub(crate) set: HashMap<String, (u16, Vec<u8>)>,
    /// Bodies that come before those, by path, one after the other.
    pub(crate) bodies: HashMap<String, VecDeque<axum::body::Body>>,
    pub(crate) asked: Vec<String>,
}

/// The log.
pub(crate) struct LyingLog {
    pub(crate) url: String,
    pub(crate) origin: Origin,
    pub(crate) key: SigningKey,
    pub(crate) witnesses: [CosignerKey; 2],
    pages: Arc<Mutex<Pages>>,
}

impl LyingLog {
    /// A log without entries, that nothing is published of.
    pub(crate) async fn start() -> LyingLog {
        LyingLog::named(ORIGIN).await
    }

    /// The same under another name.
    pub(crate) async fn named(origin: &str) -> LyingLog {
        let pages = Arc::new(Mutex::new(Pages::default()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&pages));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let key = SigningKey::from_seed(KeyName::new(origin).expect("a name"), &[1; 32]);
        let name = |name| KeyName::new(name).expect("a name");
        let witnesses = [
            CosignerKey::ed25519(name("witness.example/w1"), &[2; 32]),
            CosignerKey::ml_dsa_44(name("witness.example/w2"), &[3; 32]),
        ];
        let origin = Origin::new(origin).expect("an origin");
        LyingLog { url, origin, key, witnesses, pages }
    }

    pub(crate) fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().expect("not poisoned")
    }

    /// Entries sealed a second after the other, the last of them at `NOW`.
    pub(crate) async fn with_entries(count: u64) -> LyingLog {
        let log = LyingLog::start().await;
        (0..count).for_each(|n| log.push((NOW - count + n) * 1000));
        log.publish(NOW);
        log
    }

    /// The bundle of the first entries, with something done to them.
    pub(crate) fn bundle(&self, change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<u8> {
        let mut entries = self.pages().entries.clone();
        change(&mut entries);
        let mut bundle = Vec::new();
        entries.iter().for_each(|entry| append_entry(&mut bundle, entry).expect("short"));
        bundle
    }

    /// Seals a batch of three submissions.
    pub(crate) fn push(&self, sealed_at_ms: u64) {
        self.push_of(sealed_at_ms, 3);
    }

    /// Seals a batch of so many submissions.
    pub(crate) fn push_of(&self, sealed_at_ms: u64, submissions: u64) {
        let mut pages = self.pages();
        let number = pages.entries.len() as u64;
        let leaf = |n: u64| leaf_hash(&(submissions * number + n).to_be_bytes());
        let leaves: Vec<Hash> = (0..submissions).map(leaf).collect();
        let sealed_at = UnixMillis::new(sealed_at_ms).expect("a time");
        let entry = Entry::new(sealed_at, root(&leaves), submissions).expect("an entry");
        pages.entries.push(entry.encode());
        pages.batches.push(leaves.iter().flat_map(|leaf| *leaf.as_bytes()).collect());
    }

    /// Publishes all entries, cosigned by both witnesses at this time.
    pub(crate) fn publish(&self, time: u64) {
        // A guard that lived on in the next call would wait for itself.
        let size = self.pages().entries.len() as u64;
        let note = self.note(size, time);
        self.set("checkpoint", 200, note.to_string());
    }

    /// A cosigned checkpoint over the first entries. The tiles are from now on those of all of them.
    pub(crate) fn note(&self, size: u64, time: u64) -> Note {
        self.signed(&self.checkpoint(size), &[(0, time), (1, time)])
    }

    pub(crate) fn checkpoint(&self, size: u64) -> Checkpoint {
        let mut pages = self.pages();
        let leaves: Vec<Hash> = pages.entries.iter().map(|entry| leaf_hash(entry)).collect();
        let first = leaves[..usize::try_from(size).expect("a small size")].to_vec();
        pages.tree = Some(MemoryTree::new(leaves));
        let head = TreeHead { size: TreeSize::new(size).expect("a size"), root: root(&first) };
        Checkpoint { origin: self.origin.clone(), head, extensions: Vec::new() }
    }

    /// Signed by the log, and cosigned by these witnesses at these times.
    pub(crate) fn signed(&self, checkpoint: &Checkpoint, cosigned: &[(usize, u64)]) -> Note {
        let own = self.key.sign(&checkpoint.to_text());
        let lines = cosigned.iter().map(|&(witness, time)| self.line(checkpoint, witness, time));
        let lines = std::iter::once(own).chain(lines).collect();
        Note::new(&checkpoint.to_text(), lines).expect("a note")
    }

    pub(crate) fn line(&self, checkpoint: &Checkpoint, witness: usize, time: u64) -> Signature {
        let time = UnixSeconds::new(time).expect("a time");
        self.witnesses[witness].cosign(checkpoint, time).expect("a cosignature")
    }

    pub(crate) fn set(&self, path: &str, status: u16, body: impl Into<Vec<u8>>) {
        self.pages().set.insert(path.to_owned(), (status, body.into()));
    }

    pub(crate) fn unset(&self, path: &str) {
        self.pages().set.remove(path);
    }

    /// What a witness shows of the log.
    pub(crate) fn witness_shows(&self, witness: usize, note: &Note) {
        let hash = origin_hash(&self.origin);
        self.set(&format!("w{}/{hash}/checkpoint", witness + 1), 200, note.to_string());
    }

    /// What was asked for since the last time.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.pages().asked)
    }

    pub(crate) fn policy_text(&self, quorum: &str) -> String {
        let [w1, w2] = &self.witnesses;
        let (log, url) = (self.key.verifier(), &self.url);
        format!(
            "log {log} {url}\nwitness w1 {} {url}/w1\nwitness w2 {} {url}/w2\ngroup both all w1 w2\nquorum {quorum}\n",
            w1.verifier(),
            w2.verifier()
        )
    }

    pub(crate) fn policy(&self) -> Policy {
        Policy::parse(self.policy_text("both").as_bytes()).expect("a policy")
    }
}

/// A tile's bytes as the tree has it.
pub(crate) fn tile_bytes(pages: &Pages, path: &str) -> Option<Vec<u8>> {
    let tile = TilePath::parse(path).ok()?;
    let tree = pages.tree.as_ref()?;
    if !tile.within(tree.size()) {
        return None;
    }
    let first = usize::try_from(tile.index()).ok()? * 256;
    let places = first..first + usize::from(tile.width());
    match tile.kind() {
        TileKind::Hashes(level) => {
            let hashes = &tree.subtrees(level.get() * 8)[places];
            Some(hashes.iter().flat_map(|hash| *hash.as_bytes()).collect())
        }
        TileKind::Entries => {
            let mut bundle = Vec::new();
            pages.entries[places].iter().for_each(|entry| append_entry(&mut bundle, entry).expect("short"));
            Some(bundle)
        }
    }
}

async fn answer(State(pages): State<Arc<Mutex<Pages>>>, uri: Uri) -> axum::response::Response {
    let mut pages = pages.lock().expect("not poisoned");
    let path = uri.path().trim_start_matches('/').to_owned();
    pages.asked.push(path.clone());
    if let Some(body) = pages.bodies.get_mut(&path).and_then(VecDeque::pop_front) {
        return body.into_response();
    }
    if let Some((status, body)) = pages.set.get(&path) {
        let status = StatusCode::from_u16(*status).expect("a status");
        // Only a redirect looks at it.
        return (status, [(header::LOCATION, "/checkpoint")], body.clone()).into_response();
    }
    let batch = path.strip_prefix("v1/batches/").and_then(|entry| entry.parse::<usize>().ok());
    let body = match batch {
        Some(entry) => pages.batches.get(entry).cloned(),
        None => tile_bytes(&pages, &path),
    };
    body.map_or(StatusCode::NOT_FOUND.into_response(), IntoResponse::into_response)
}

/// A monitor's directory and clock.
pub(crate) struct Watch {
    pub(crate) dir: TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) config: MonitorConfig,
    monitor: Monitor,
    policy: Policy,
}

impl Watch {
    pub(crate) fn start(log: &LyingLog) -> Watch {
        Watch::configured(log, |_| {})
    }

    pub(crate) fn configured(log: &LyingLog, set: impl FnOnce(&mut LogConfig)) -> Watch {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let policy = log.policy();
        let mut log_config = configuration(log);
        set(&mut log_config);
        let config = MonitorConfig {
            state: dir.path().join("state"),
            evidence: dir.path().join("evidence"),
            admin_listen: None,
            timeout: Duration::from_secs(10),
            concurrency: 8,
            retry_pause: Duration::ZERO,
            logs: vec![log_config],
        };
        let clock = Arc::new(ManualClock::new(NOW));
        let monitor = open(&config, &clock);
        Watch { dir, clock, config, monitor, policy }
    }

    /// Follows another log, too.
    pub(crate) fn add(&mut self, log: &LyingLog) {
        self.config.logs.push(configuration(log));
        self.restart();
    }

    /// As after a crash: from the files alone.
    pub(crate) fn restart(&mut self) {
        self.monitor = open(&self.config, &self.clock);
    }

    pub(crate) async fn round(&mut self) -> Round {
        self.rounds().await.remove(0).1
    }

    /// A round of each log.
    pub(crate) async fn rounds(&mut self) -> Vec<(String, Round)> {
        self.monitor.once().await.expect("files can be written")
    }

    /// A round without findings in which all could be checked.
    #[track_caller]
    pub(crate) fn quiet(round: &Round) {
        assert!(round.findings.is_empty(), "{:?}", round.findings);
        assert_eq!(round.unchecked, [""; 0]);
    }

    pub(crate) async fn all_quiet(&mut self) {
        Watch::quiet(&self.round().await);
    }

    /// The one finding of a round, and what a third party says to its evidence.
    pub(crate) async fn one(&mut self, kind: Kind) -> Found {
        let round = self.round().await;
        assert_eq!(round.findings.len(), 1, "{round:?}");
        self.found(&round, kind)
    }

    /// The findings of this kind among others.
    #[track_caller]
    pub(crate) fn found(&self, round: &Round, kind: Kind) -> Found {
        let finding = round.findings.iter().find(|finding| finding.kind == kind);
        let finding = finding.unwrap_or_else(|| panic!("no {kind} in {round:?}"));
        let file = finding.file.clone().expect("an evidence file");
        let bytes = fs::read(&file).expect("it was written");
        let evidence = Evidence::parse(&bytes).expect("an evidence file");
        assert_eq!(evidence.kind, kind);
        assert_eq!(evidence.encode(), bytes);
        let verdict = verify(&evidence, &self.policy);
        Found { file, evidence, verdict, about: finding.about.clone(), new: finding.new }
    }
}

fn configuration(log: &LyingLog) -> LogConfig {
    LogConfig {
        policy: log.policy(),
        origin: log.origin.clone(),
        urls: vec![log.url.clone()],
        kind: LogKind::Treering,
        interval: Duration::from_secs(60),
        clock_distance_ms: 300_000,
        silence_ms: 600_000,
        batches: Batches::All,
        retention_ms: None,
        recheck_bundles: 0,
        unknown_keys: UnknownKeys::Report,
        witnesses: ["w1", "w2"].map(|name| (name.to_owned(), format!("{}/{name}", log.url))).to_vec(),
    }
}

fn open(config: &MonitorConfig, clock: &Arc<ManualClock>) -> Monitor {
    Monitor::open(config.clone(), Arc::clone(clock) as Arc<_>, None).expect("the monitor starts")
}

#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) file: PathBuf,
    pub(crate) evidence: Evidence,
    pub(crate) verdict: Verdict,
    pub(crate) about: String,
    pub(crate) new: bool,
}

impl Found {
    /// The statement and the culprits of a proof.
    #[track_caller]
    pub(crate) fn confirmed(&self) -> (&str, Vec<&str>) {
        match &self.verdict {
            Verdict::Confirmed(confirmed) => {
                (&confirmed.statement, confirmed.culprits.iter().map(String::as_str).collect())
            }
            other => panic!("{other:?}"),
        }
    }

    /// An observation that is right in itself.
    #[track_caller]
    pub(crate) fn open(&self) {
        assert!(matches!(self.verdict, Verdict::Open(_)), "{:?}", self.verdict);
    }
}
