//! The contract of [`Store`], held against every implementation.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use treering_tlog::{
    checkpoint::Checkpoint,
    hash::{Hash, sha256},
    note::{KeyName, Note, SigningKey, VerifierKey},
    tree::TreeSize,
};

use super::*;
use crate::{cosigner::verify_record, key::WitnessKeys};

pub(super) fn head(size: u64, root: &str) -> TreeHead {
    TreeHead { size: TreeSize::new(size).unwrap(), root: sha256(root.as_bytes()) }
}

pub(super) fn record_of(origin: &str, head: TreeHead, time: u64) -> Record {
    let origin = Origin::new(origin).unwrap();
    let key = SigningKey::from_seed(KeyName::new("log.example").unwrap(), &[7; 32]);
    let note = Checkpoint { origin, head, extensions: Vec::new() }.sign(&key);
    Record::new(note, UnixSeconds::new(time).unwrap()).unwrap()
}

pub(super) fn record(size: u64, root: &str, time: u64) -> Record {
    record_of("log.example", head(size, root), time)
}

fn redb(dir: &tempfile::TempDir) -> RedbStore {
    let (path, keys) = (made(dir), [own_key()]);
    RedbStore::open(&path, &keys, |_| {}).unwrap()
}

/// Where the store is, which is made if there is none.
fn made(dir: &tempfile::TempDir) -> PathBuf {
    let path = dir.path().join("witness.redb");
    if !path.exists() {
        RedbStore::create(&path, &[own_key()]).unwrap();
    }
    path
}

pub(super) fn own_key() -> VerifierKey {
    SigningKey::from_seed(KeyName::new("witness.example").unwrap(), &[8; 32]).verifier()
}

/// Runs a contract against both stores.
async fn on_each<F: Future<Output = ()>>(contract: impl Fn(Arc<dyn Store>) -> F) {
    contract(Arc::new(MemoryStore::new())).await;
    let dir = tempfile::tempdir().unwrap();
    contract(Arc::new(redb(&dir))).await;
}

async fn put(store: &dyn Store, before: Option<TreeHead>, record: &Record) -> Outcome {
    store.update(Update { before, record: record.clone() }).await.unwrap()
}

#[track_caller]
fn assert_written(outcome: Outcome) {
    assert!(matches!(outcome, Outcome::Written), "{outcome:?}");
}

#[track_caller]
fn assert_conflict(outcome: Outcome, standing: &Record) {
    assert!(matches!(&outcome, Outcome::Conflict(Some(current)) if **current == *standing), "{outcome:?}");
}

#[tokio::test]
async fn what_is_written_is_read() {
    on_each(async |store| {
        assert!(store.records().unwrap().is_empty());
        let first = record(5, "a", 100);
        assert_written(put(&*store, None, &first).await);
        assert_eq!(store.records().unwrap(), std::slice::from_ref(&first));
        let second = record(9, "b", 101);
        assert_written(put(&*store, Some(first.head()), &second).await);
        assert_eq!(store.records().unwrap(), [second]);
    })
    .await;
}

#[tokio::test]
async fn logs_do_not_touch_each_other() {
    on_each(async |store| {
        let (a, b) = (record_of("a", head(5, "a"), 100), record_of("b b", head(3, "b"), 50));
        assert_written(put(&*store, None, &a).await);
        assert_written(put(&*store, None, &b).await);
        let mut records = store.records().unwrap();
        records.sort_by(|a, b| a.origin().cmp(b.origin()));
        assert_eq!(records, [a, b]);
    })
    .await;
}

#[tokio::test]
async fn an_update_against_what_no_longer_stands_conflicts() {
    on_each(async |store| {
        let (first, second) = (record(5, "a", 100), record(9, "b", 101));
        assert_written(put(&*store, None, &first).await);
        assert_written(put(&*store, Some(first.head()), &second).await);
        // Checked against the first, arriving after the second: the race of the standard's text.
        assert_conflict(put(&*store, Some(first.head()), &record(7, "c", 102)).await, &second);
        assert_conflict(put(&*store, Some(first.head()), &record(12, "c", 102)).await, &second);
        assert_conflict(put(&*store, None, &record(12, "c", 102)).await, &second);
        assert_eq!(store.records().unwrap(), [second]);
    })
    .await;
}

#[tokio::test]
async fn an_update_of_a_record_that_is_not_there_conflicts() {
    on_each(async |store| {
        let outcome = put(&*store, Some(head(5, "a")), &record(9, "b", 101)).await;
        assert!(matches!(outcome, Outcome::Conflict(None)), "{outcome:?}");
        assert!(store.records().unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_record_never_shrinks_whatever_the_caller_believes() {
    on_each(async |store| {
        let stands = record(5, "a", 100);
        assert_written(put(&*store, None, &stands).await);
        assert_conflict(put(&*store, Some(stands.head()), &record(4, "b", 101)).await, &stands);
    })
    .await;
}

#[tokio::test]
async fn one_size_has_one_root_whatever_the_caller_believes() {
    on_each(async |store| {
        let stands = record(5, "a", 100);
        assert_written(put(&*store, None, &stands).await);
        assert_conflict(put(&*store, Some(stands.head()), &record(5, "b", 101)).await, &stands);
    })
    .await;
}

#[tokio::test]
async fn a_timestamp_never_goes_back() {
    on_each(async |store| {
        let stands = record(5, "a", 100);
        assert_written(put(&*store, None, &stands).await);
        assert_conflict(put(&*store, Some(stands.head()), &record(9, "b", 99)).await, &stands);
        assert_conflict(put(&*store, Some(stands.head()), &record(5, "a", 99)).await, &stands);
        assert_written(put(&*store, Some(stands.head()), &record(5, "a", 100)).await);
        assert_written(put(&*store, Some(stands.head()), &record(9, "b", 100)).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_racers_one_wins_each_round_and_nothing_goes_back() {
    const LOGS: u64 = 3;
    const RACERS: u64 = 16;
    const ROUNDS: u64 = 40;
    on_each(async |store| {
        let wins = Arc::new(AtomicU64::new(0));
        let mut racers = Vec::new();
        for racer in 0..RACERS {
            let (store, wins) = (Arc::clone(&store), Arc::clone(&wins));
            racers.push(tokio::spawn(async move {
                for log in 0..LOGS {
                    race(&*store, &format!("log {log}"), racer, ROUNDS, &wins).await;
                }
            }));
        }
        for racer in racers {
            racer.await.unwrap();
        }
        // Every size from 1 to ROUNDS was won exactly once in each log: more wins would be two roots for a size.
        assert_eq!(wins.load(Ordering::SeqCst), LOGS * ROUNDS);
        assert!(store.records().unwrap().iter().all(|record| record.head().size.get() == ROUNDS));
    })
    .await;
}

/// Climbs from size to size with roots of its own, as far as the others let it.
async fn race(store: &dyn Store, origin: &str, racer: u64, rounds: u64, wins: &AtomicU64) {
    let mut before: Option<TreeHead> = None;
    while before.is_none_or(|head| head.size.get() < rounds) {
        let size = before.map_or(0, |head| head.size.get()) + 1;
        let new = record_of(origin, head(size, &format!("{racer}")), size);
        before = match store.update(Update { before, record: new.clone() }).await.unwrap() {
            Outcome::Written => {
                wins.fetch_add(1, Ordering::SeqCst);
                Some(new.head())
            }
            Outcome::Conflict(Some(current)) => {
                assert!(current.head().size.get() >= size, "the record went back");
                Some(current.head())
            }
            Outcome::Conflict(None) => panic!("the record vanished"),
        };
    }
}

#[tokio::test]
async fn records_outlive_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let stands = record(5, "a", 100);
    assert_written(put(&redb(&dir), None, &stands).await);
    let store = redb(&dir);
    assert_eq!(store.records().unwrap(), std::slice::from_ref(&stands));
    assert_conflict(put(&store, None, &record(5, "b", 100)).await, &stands);
}

#[tokio::test]
async fn a_store_has_one_owner() {
    let dir = tempfile::tempdir().unwrap();
    let path = made(&dir);
    let _first = redb(&dir);
    let refused = RedbStore::open(&path, &[own_key()], |_| {}).unwrap_err();
    assert!(matches!(&refused, StoreError::InUse { path: told } if *told == path));
    assert!(refused.to_string().contains("is a witness running on this directory already?"));
}

#[tokio::test]
async fn updates_that_wait_together_share_a_commit() {
    const WAITING: usize = 64;
    let dir = tempfile::tempdir().unwrap();
    let commits = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&commits);
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let path = made(&dir);
    // The observer holds the writer after its first commit until everybody else is in the queue.
    let store = RedbStore::open(&path, &[own_key()], move |commit| {
        let mut seen = seen.lock().unwrap();
        if seen.is_empty() {
            gate.recv().unwrap();
        }
        seen.push(commit.updates);
    })
    .unwrap();
    let update = |log: usize| {
        store.update(Update { before: None, record: record_of(&format!("log {log}"), head(1, "a"), 1) })
    };
    let mut all: Vec<_> = (0..=WAITING).map(update).collect();
    let first = futures_util::poll!(&mut all[0]);
    assert!(first.is_pending());
    for update in &mut all[1..] {
        assert!(futures_util::poll!(update).is_pending());
    }
    go.send(()).unwrap();
    for outcome in futures_util::future::join_all(all).await {
        assert_written(outcome.unwrap());
    }
    let commits = commits.lock().unwrap().clone();
    assert_eq!(commits.iter().sum::<usize>(), WAITING + 1);
    assert!(commits.len() <= 2, "{commits:?}");
}

#[test]
fn a_record_reads_back_from_its_bytes_and_from_no_others() {
    let record = record(5, "a", 100);
    let bytes = record.encode();
    let decode = |bytes: &[u8]| Record::decode("log.example", bytes);
    assert_eq!(decode(&bytes), Ok(record.clone()));
    assert_eq!(decode(&bytes[..40]), Err(RecordError::Short { got: 40 }));
    let changed = |place: usize| {
        let mut bytes = bytes.clone();
        bytes[place] ^= 0x80;
        decode(&bytes)
    };
    assert_eq!(changed(0), Err(RecordError::Version { got: 0x81 }));
    assert_eq!(changed(1), Err(RecordError::Range));
    assert_eq!(changed(8), Err(RecordError::Head));
    assert_eq!(changed(9), Err(RecordError::Head));
    assert_eq!(changed(41), Err(RecordError::Range));
    assert!(matches!(changed(60), Err(RecordError::Note(_))));
    assert!(matches!(Record::decode("other.example", &bytes), Err(RecordError::Origin { .. })));
    assert_ne!(record.head().root, Hash::EMPTY_ROOT);
}

/// What stands in a record is what this witness signed, to the last bit: whatever is changed at rest, the start refuses
/// it, or the head and its time are the very same.
#[test]
fn each_bit_of_a_record_counts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    let name = KeyName::new("witness.example").unwrap();
    crate::key::create_key_file(&path, name).unwrap();
    let keys = WitnessKeys::load(&[path]).unwrap();
    let of_log = record(5, "a", 100);
    let own = keys.cosign(of_log.checkpoint(), of_log.time()).unwrap();
    let lines = [of_log.note().signatures(), &own].concat();
    let record = Record::new(Note::new(of_log.note().text(), lines).unwrap(), of_log.time()).unwrap();
    assert!(verify_record(&keys, &record).is_ok());
    let (bytes, mut same) = (record.encode(), Vec::new());
    for place in 0..bytes.len() {
        for change in [1, 2, 4, 8, 16, 32, 64, 128, 255] {
            let mut changed = bytes.clone();
            changed[place] ^= change;
            let Ok(read) = Record::decode("log.example", &changed) else { continue };
            if verify_record(&keys, &read).is_ok() {
                assert_eq!(read.standing(), record.standing(), "byte {place} ^ {change}");
                same.push(place);
            }
        }
    }
    // The log's own line, which is for those who read the record: its name, key ID and signature.
    let line = record.note().to_string().find("\u{2014} log.example").unwrap() + bytes.len()
        - record.note().to_string().len();
    let end = line + bytes[line..].iter().position(|byte| *byte == b'\n').unwrap();
    assert!(!same.is_empty() && same.iter().all(|place| (line..end).contains(place)), "{same:?}");
}

proptest::proptest! {
    #[test]
    fn what_decodes_encodes_to_the_same_bytes(
        place in 0_usize..200,
        flip in proptest::prelude::any::<u8>(),
        cut in 0_usize..400,
    ) {
        let mut bytes = record(5, "a", 100).encode();
        let place = place % bytes.len();
        bytes[place] ^= flip;
        bytes.truncate(cut);
        if let Ok(record) = Record::decode("log.example", &bytes) {
            proptest::prop_assert_eq!(record.encode(), bytes);
        }
    }
}
