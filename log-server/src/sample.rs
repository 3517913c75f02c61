//! A log's store made by hand, for tests: it has something of everything, and is always the same.

use crate::{
    batch::{self, Edge},
    check::{self, Report},
    clock::SystemClock,
    host::Host,
    log::{Parts, Settings},
    record::{HighMark, Record},
    state::{Core, Sealed, Start},
    store::{Accepted, Grant, GrantGroup, Past, RocksStore, Store as _, Tick, Waiting},
    witness_client::WitnessClient,
};
use std::{
    collections::BTreeMap,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use treering_tlog::{
    checkpoint::{Checkpoint, Origin},
    cosignature::CosignerKey,
    hash::{self, Hash},
    kernel,
    note::{KeyName, Note, Signature, SigningKey},
    policy::Policy,
    tile::{TileKind, TileLevel},
    time::{UnixMillis, UnixSeconds},
    tree::{self, TreeHead, TreeSize},
};
use treering_token::entry::Entry;

const ORIGIN: &str = "log.example/sample";
/// When the first entry was sealed, in milliseconds; the others a second each after it.
const BEGIN: u64 = 1_800_000_000_000;
/// In the first entry there are so many submissions, in every other one.
const FIRST: u64 = 3;
/// The submission of the first entry that was sent with `tokens=true`.
const SMALL: u64 = 1;

/// The store in a directory of its own, and what is in it.
#[derive(Debug)]
pub(crate) struct Sample {
    dir: tempfile::TempDir,
    pub(crate) origin: Origin,
    pub(crate) policy: Policy,
    /// The head after so many entries.
    pub(crate) heads: Vec<TreeHead>,
    pub(crate) ticks: Vec<Tick>,
}

impl Sample {
    /// A log with so many entries, all published. In the first there are three submissions, the second of them with its
    /// commitments; in the second there are two grants beside one submission. Two submissions wait, the second with its
    /// commitments, and one grant. Checkpoints of sizes 0, 2 and the last were published; that was refreshed.
    pub(crate) fn new(entries: u64) -> Sample {
        let mut sample = Sample::empty();
        let store = sample.open();
        accept(&store, 0..FIRST, SMALL);
        let mut edge = Edge::load(&store, &TreeHead::EMPTY).unwrap();
        let mut sequence = 0;
        for entry in 0..entries {
            let count = if entry == 0 { FIRST } else { 1 };
            let submissions = (sequence..sequence + count).map(waiting).collect();
            sequence += count;
            let grants = if entry == 1 { vec![group(0, 2)] } else { Vec::new() };
            let built = batch::build(&edge, submissions, grants, time(entry));
            edge = built.edge;
            sample.heads.push(built.tick.head);
            sample.ticks.push(built.tick);
        }
        let past: Vec<Past> = [0, 2, entries].map(|size| sample.published(size)).into();
        store.append(&sample.ticks, &past, None).unwrap();
        let last = sample.checkpoint(entries);
        store.keep_refreshed(&sample.note(&last, 1_000)).unwrap();
        accept(&store, sequence..sequence + 2, sequence + 1);
        store.accept_grants(&group(1, 1)).unwrap();
        sample.record().write(&HighMark { head: last.head, ended: false }).unwrap();
        store.close();
        sample
    }

    /// The log that the others are, before its first entry and without a store.
    pub(crate) fn empty() -> Sample {
        let mut policy = format!("log {}\n", key().verifier());
        for name in ["w0", "w1"] {
            policy += &format!("witness {name} {} http://{name}.example\n", witness(name).verifier());
        }
        let policy = Policy::parse((policy + "group g 2 w0 w1\nquorum g\n").as_bytes()).unwrap();
        let (dir, origin) = (folder(), Origin::new(ORIGIN).unwrap());
        Sample { dir, origin, policy, heads: vec![TreeHead::EMPTY], ticks: Vec::new() }
    }

    /// Another log's store, in a place of its own.
    pub(crate) fn copy(&self) -> Copy<'_> {
        let dir = folder();
        let store = dir.path().join("store");
        std::fs::create_dir(&store).unwrap();
        for item in std::fs::read_dir(self.path()).unwrap() {
            let item = item.unwrap();
            std::fs::copy(item.path(), store.join(item.file_name())).unwrap();
        }
        std::fs::copy(self.record().path(), Record::beside(&store).path()).unwrap();
        Copy { sample: self, _dir: dir, store }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    pub(crate) fn record(&self) -> Record {
        Record::beside(&self.path())
    }

    pub(crate) fn open(&self) -> RocksStore {
        RocksStore::open(&self.path(), &self.origin, 1 << 20).unwrap()
    }

    pub(crate) fn check(&self, store: &Path) -> Report {
        let record = Record::beside(store);
        check::check_store(store, Some(&record), (&self.origin, &self.policy)).unwrap()
    }

    /// What the parts of a log on this store share. None of them runs.
    pub(crate) fn core(&self) -> Core {
        let settings = Settings {
            origin: self.origin.clone(),
            policy: self.policy.clone(),
            store: self.path(),
            tick: Duration::from_secs(1),
            refresh: Duration::from_secs(60),
            clock_step: Duration::from_secs(10),
            token_window: Duration::from_secs(86_400),
            retention: None,
            commit_wait: Duration::ZERO,
            max_pending: 10,
            min_free_bytes: 0,
            witness_timeout: Duration::from_secs(1),
            scrub_bytes_per_second: 0,
            witness_intervals: BTreeMap::new(),
            cache_bytes: 1 << 20,
        };
        let parts = Parts {
            signer: Arc::new(key()),
            store: Arc::new(self.open()),
            record: Arc::new(self.record()),
            clock: Arc::new(SystemClock::new()),
            witnesses: Arc::new(WitnessClient::new(settings.witness_timeout).unwrap()),
            host: Host::default(),
        };
        let head = *self.heads.last().unwrap();
        let start = Start {
            sealed: Sealed { head, sealed_at: None },
            published: None,
            waiting: Vec::new(),
            grants: Vec::new(),
            window_closed: 0,
            retained_from: 0,
            frozen: None,
        };
        Core::new(settings, parts, start)
    }

    pub(crate) fn entry(&self, index: u64) -> Entry {
        let tick = &self.ticks[usize::try_from(index).unwrap()];
        let leaves: Vec<Hash> = leaf_hashes(tick);
        Entry::new(tick.sealed_at, tree::root(&leaves), leaves.len() as u64).unwrap()
    }

    /// The checkpoint of a size that the log had.
    pub(crate) fn checkpoint(&self, size: u64) -> Checkpoint {
        let head = self.heads[usize::try_from(size).unwrap()];
        Checkpoint { origin: self.origin.clone(), head, extensions: Vec::new() }
    }

    /// Cosigned by both witnesses, so many seconds after the beginning.
    pub(crate) fn note(&self, checkpoint: &Checkpoint, after: u64) -> Note {
        let signed = checkpoint.sign(&key());
        let lines = ["w0", "w1"].map(|name| cosignature(name, checkpoint, after));
        Note::new(signed.text(), signed.signatures().iter().cloned().chain(lines).collect()).unwrap()
    }

    fn published(&self, size: u64) -> Past {
        let checkpoint = self.checkpoint(size);
        let cosignatures = ["w0", "w1"].map(|name| cosignature(name, &checkpoint, 1)).into();
        Past { size: checkpoint.head.size, signed: checkpoint.sign(&key()), cosignatures, published: true }
    }
}

/// A copy of a sample, with its record beside it.
#[derive(Debug)]
pub(crate) struct Copy<'a> {
    sample: &'a Sample,
    _dir: tempfile::TempDir,
    pub(crate) store: PathBuf,
}

impl Copy<'_> {
    pub(crate) fn record(&self) -> Record {
        Record::beside(&self.store)
    }

    pub(crate) fn open(&self) -> RocksStore {
        RocksStore::open(&self.store, &self.sample.origin, 1 << 20).unwrap()
    }

    pub(crate) fn check(&self) -> Report {
        self.sample.check(&self.store)
    }
}

/// In memory, where that can be had: what is made and opened here a hundred times waits for no disk.
pub(crate) fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = tempfile::Builder::new().prefix("treering-test-").tempdir_in(memory);
    made.or_else(|_| tempfile::tempdir()).unwrap()
}

pub(crate) fn key() -> SigningKey {
    SigningKey::from_seed(KeyName::new(ORIGIN).unwrap(), &[1; 32])
}

pub(crate) fn witness(name: &str) -> CosignerKey {
    let seed = name.as_bytes()[1];
    CosignerKey::ed25519(KeyName::new(&format!("witness.example/{name}")).unwrap(), &[seed; 32])
}

pub(crate) fn cosignature(name: &str, checkpoint: &Checkpoint, after: u64) -> Signature {
    witness(name).cosign(checkpoint, UnixSeconds::new(BEGIN / 1000 + after).unwrap()).unwrap()
}

pub(crate) fn size(size: u64) -> TreeSize {
    TreeSize::new(size).unwrap()
}

fn time(entry: u64) -> UnixMillis {
    UnixMillis::new(BEGIN + 1_000 * entry).unwrap()
}

/// The two commitments of a submission; it has their root.
pub(crate) fn commitments(sequence: u64) -> Vec<[u8; 32]> {
    [0, 1].map(|leaf| *hash::sha256(&[sequence, leaf].map(u64::to_be_bytes).concat()).as_bytes()).into()
}

/// The root of the submission with this number.
pub(crate) fn root(sequence: u64) -> Hash {
    tree::root(&kernel::leaf_hashes(&commitments(sequence)))
}

/// A grant of a group.
pub(crate) fn grant(group: u64, place: u64) -> Grant {
    let hash = hash::sha256(&[group, place].map(u64::to_be_bytes).concat());
    Grant { serial: hash.as_bytes()[..16].try_into().unwrap(), commitment: *hash.as_bytes() }
}

fn group(number: u64, count: u64) -> GrantGroup {
    GrantGroup { number, grants: (0..count).map(|place| grant(number, place)).collect() }
}

fn waiting(sequence: u64) -> Waiting {
    // Of those that were accepted together, which are the first entry's, only the last ends the group.
    let (small, ends_group) = (if sequence == SMALL { 2 } else { 0 }, sequence + 1 >= FIRST);
    Waiting { sequence, root: root(sequence), small, ends_group }
}

/// Accepts these in one group, one of them with its commitments.
fn accept(store: &RocksStore, sequences: Range<u64>, small: u64) {
    let accepted = sequences.clone().map(|sequence| Accepted {
        root: root(sequence),
        small: (sequence == small).then(|| commitments(sequence).into()),
    });
    store.accept(sequences.start, &accepted.collect::<Vec<_>>()).unwrap();
}

pub(crate) fn leaf_hashes(tick: &Tick) -> Vec<Hash> {
    let leaves = tick.batch.iter().filter(|tile| tile.kind == TileKind::Hashes(TileLevel::LEAVES));
    leaves.flat_map(|tile| tile.bytes.chunks_exact(Hash::LEN).filter_map(Hash::from_slice)).collect()
}
