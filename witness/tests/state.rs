//! What the witness remembers: across restarts, in races, and when the store fails or was changed.
#![forbid(unsafe_code)]

mod support;

use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use support::{TestLog, TestWitness, config, directory};
use tokio::sync::oneshot;
use treering_tlog::{
    checkpoint::Checkpoint,
    cosignature::CosignerKey,
    note::{KeyName, Note},
    time::UnixSeconds,
};
use treering_witness::{
    clock::SystemClock,
    serve,
    store::{MemoryStore, Outcome, Record, Store, StoreError, Update},
};

#[tokio::test]
async fn a_restart_keeps_what_was_cosigned() {
    let log = TestLog::new("log.example/a");
    let witness = TestWitness::start(&[&log]).await;
    let first = witness.send(&log.request(0, 5)).await.cosigned(&witness.vkey, &log.checkpoint(5));
    let path = format!("/{}/checkpoint", treering_tlog::witness::origin_hash(&log.origin));
    let shown = witness.get(&witness.url(&path)).await.body;

    let witness = witness.restart().await;
    assert_eq!(witness.get(&witness.url(&path)).await.body, shown);
    assert_eq!(witness.send(&log.request(0, 5)).await.conflict(), 5);
    assert_eq!(witness.send(&log.forked("x").request(5, 5)).await.problem(422), "other_root");
    let second = witness.send(&log.request(5, 6)).await.cosigned(&witness.vkey, &log.checkpoint(6));
    assert!(second >= first);
}

#[tokio::test]
async fn a_second_witness_on_the_same_directory_is_refused() {
    let log = TestLog::new("log.example/a");
    let witness = TestWitness::start(&[&log]).await;
    let refused = serve::start(config(witness.dir.path())).await.unwrap_err().to_string();
    assert!(
        refused.ends_with("is in use by another process: is a witness running on this directory already?")
    );
    // Nor does it take the first one's socket away.
    assert!(witness.dir.path().join("control.sock").exists());
}

/// Parks the first update between the witness's check and the store's, until it is let go.
#[derive(Debug)]
struct ParkingStore {
    inner: MemoryStore,
    parking: Mutex<Option<(oneshot::Sender<()>, oneshot::Receiver<()>)>>,
}

impl Store for ParkingStore {
    fn records(&self) -> Result<Vec<Record>, StoreError> {
        self.inner.records()
    }

    fn update(&self, update: Update) -> BoxFuture<'_, Result<Outcome, StoreError>> {
        Box::pin(async move {
            let parking = self.parking.lock().expect("not poisoned").take();
            if let Some((parked, go)) = parking {
                parked.send(()).expect("the test waits for it");
                go.await.expect("the test lets it go");
            }
            self.inner.update(update).await
        })
    }
}

/// The race of the standard's text: A (to N) is checked; B (to N+K) is checked, stored and answered; A must not be
/// stored over it, nor answered with a cosignature.
#[tokio::test]
async fn a_request_that_was_overtaken_between_check_and_commit_is_409() {
    let (log, other) = (TestLog::new("log.example/a"), TestLog::new("log.example/b"));
    let (parked, is_parked) = oneshot::channel();
    let (let_go, go) = oneshot::channel();
    let store = Arc::new(ParkingStore { inner: MemoryStore::new(), parking: Mutex::new(Some((parked, go))) });
    let witness = TestWitness::start_on(&[&log, &other], Some(store.clone()), Arc::new(SystemClock)).await;

    let request = log.request(0, 5);
    let overtaken = witness.send(&request);
    let overtaking = async {
        is_parked.await.unwrap();
        witness.send(&log.request(0, 9)).await.cosigned(&witness.vkey, &log.checkpoint(9));
        // Nor does a request that is stuck hold up another log.
        witness.send(&other.request(0, 1)).await.cosigned(&witness.vkey, &other.checkpoint(1));
        let_go.send(()).unwrap();
    };
    let (answer, ()) = tokio::join!(overtaken, overtaking);
    assert_eq!(answer.conflict(), 9);
    let records = store.records().unwrap();
    let record = records.iter().find(|record| *record.origin() == log.origin).unwrap();
    assert_eq!(record.head(), log.checkpoint(9).head);
}

/// A log that tries to get two histories cosigned at once: for each size at most one root is.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_histories_sent_at_once_one_is_cosigned() {
    let log = TestLog::new("log.example/a");
    let witness = Arc::new(TestWitness::start(&[&log]).await);
    let mut racers = tokio::task::JoinSet::new();
    for racer in 0..16 {
        let witness = Arc::clone(&witness);
        racers.spawn(async move {
            let log = TestLog::new("log.example/a").forked(&format!("{racer}"));
            let answer = witness.send(&log.request(0, 7)).await;
            match answer.status {
                200 => {
                    answer.cosigned(&witness.vkey, &log.checkpoint(7));
                    Some(log.checkpoint(7).head.root)
                }
                // Overtaken, then asked again with another record standing there.
                409 => None,
                other => panic!("{other}: {}", answer.body),
            }
        });
    }
    let roots: Vec<_> = racers.join_all().await.into_iter().flatten().collect();
    assert_eq!(roots.len(), 1, "{roots:?}");
}

/// Many threads climb at once, each in steps of its own: from each size exactly one step is taken, so that the steps
/// that were cosigned form one chain. Two winners from one size would be two histories; a step from a size that no step
/// led to would be a record that went back.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn of_two_racing_updates_exactly_one_wins_and_the_record_never_goes_back() {
    const RACERS: u64 = 24;
    const TOP: u64 = 60;
    let names = ["log.example/a", "log.example/b", "log.example/c"];
    let logs: Vec<_> = names.iter().map(|name| TestLog::new(name)).collect();
    let witness = Arc::new(TestWitness::start(&logs.iter().collect::<Vec<_>>()).await);
    let mut racers = tokio::task::JoinSet::new();
    for racer in 0..RACERS {
        let witness = Arc::clone(&witness);
        racers.spawn(async move {
            let name = names[usize::try_from(racer % 3).expect("below 3")];
            (name, climb(&witness, &TestLog::new(name), 1 + racer % 4, TOP).await)
        });
    }
    let steps = racers.join_all().await;
    for (name, log) in names.iter().zip(&logs) {
        let of_log = steps.iter().filter(|(of, _)| of == name);
        let mut won: Vec<_> = of_log.flat_map(|(_, won)| won.iter().copied()).collect();
        won.sort_unstable();
        assert_eq!(won.first().map(|(old, _)| *old), Some(0));
        assert!(won.windows(2).all(|pair| pair[0].1 == pair[1].0), "{name}: {won:?}");
        let latest = witness.running.cosigner().latest(&treering_tlog::witness::origin_hash(&log.origin));
        assert_eq!(latest.map(|record| record.head()), won.last().map(|(_, new)| log.checkpoint(*new).head));
    }
}

/// Takes steps from the size that the witness has, as far as others let it; gives those that were cosigned.
async fn climb(witness: &TestWitness, log: &TestLog, step: u64, top: u64) -> Vec<(u64, u64)> {
    let mut won = Vec::new();
    let mut size = 0;
    while size < top {
        let new = (size + step).min(top);
        let answer = witness.send(&log.request(size, new)).await;
        match answer.status {
            200 => {
                answer.cosigned(&witness.vkey, &log.checkpoint(new));
                won.push((size, new));
                size = new;
            }
            409 => {
                let conflict = answer.conflict();
                assert!(conflict > size, "the record went back from {size} to {conflict}");
                size = conflict;
            }
            // More in flight than a log may have.
            429 => tokio::task::yield_now().await,
            other => panic!("{other}: {}", answer.body),
        }
    }
    won
}

/// A store whose disk is gone.
#[derive(Debug)]
struct BrokenStore;

impl Store for BrokenStore {
    fn records(&self) -> Result<Vec<Record>, StoreError> {
        Ok(Vec::new())
    }

    fn update(&self, _update: Update) -> BoxFuture<'_, Result<Outcome, StoreError>> {
        Box::pin(async { Err(StoreError::Stopped) })
    }
}

#[tokio::test]
async fn a_store_that_fails_gives_no_cosignature_and_ends_the_witness() {
    let log = TestLog::new("log.example/a");
    let witness = TestWitness::start_on(&[&log], Some(Arc::new(BrokenStore)), Arc::new(SystemClock)).await;
    assert_eq!(witness.send(&log.request(0, 5)).await.problem(500), "store");
    assert!(matches!(witness.running.failed().await, StoreError::Stopped));
    assert_eq!(witness.get(&witness.admin_url("/readyz")).await.status, 503);
    assert_eq!(witness.send(&log.request(0, 5)).await.problem(500), "store");
}

/// A store that was written by somebody else is not gone on from.
#[tokio::test]
async fn a_record_that_this_witness_did_not_sign_is_refused_at_the_start() {
    let (dir, _) = directory();
    let log = TestLog::new("log.example/a");
    let time = UnixSeconds::new(1_000).unwrap();
    let stranger = CosignerKey::ed25519(KeyName::new("witness.example/w1").unwrap(), &[3; 32]);
    let own_text = std::fs::read_to_string(dir.path().join("key")).unwrap();
    let own = CosignerKey::parse(own_text.trim_end()).unwrap();

    let refusal = async |record: Record| {
        let store = MemoryStore::new();
        store.update(Update { before: None, record }).await.unwrap();
        let started = serve::start_with(config(dir.path()), Arc::new(store), Arc::new(SystemClock)).await;
        started.unwrap_err().to_string()
    };
    let note = |signed: &Checkpoint, key: &CosignerKey| {
        let checkpoint = log.checkpoint(5);
        let signatures = vec![log.key.sign(&checkpoint.to_text()), key.cosign(signed, time).unwrap()];
        Note::new(&checkpoint.to_text(), signatures).unwrap()
    };
    let foreign = Record::new(note(&log.checkpoint(5), &stranger), time).unwrap();
    assert!(refusal(foreign).await.contains("carries no cosignature by any of this witness's keys"));
    let forged = Record::new(note(&log.checkpoint(6), &own), time).unwrap();
    assert!(
        refusal(forged).await.contains("was changed since it was written: this witness's own cosignature")
    );
    let later = Record::new(note(&log.checkpoint(5), &own), UnixSeconds::new(999).unwrap()).unwrap();
    assert!(refusal(later).await.contains("its timestamp is not its cosignature's"));
}

#[tokio::test]
async fn a_witness_with_two_keys_gives_two_cosignatures() {
    let log = TestLog::new("log.example/a");
    let (dir, vkey) = directory();
    support::add(dir.path(), &log);
    let second = KeyName::new("witness.example/w1").unwrap();
    let second = treering_witness::key::create_key_file(&dir.path().join("key-2"), second).unwrap();
    let mut config = config(dir.path());
    config.settings.keys = vec!["key".into(), "key-2".into()];
    let running = serve::start(config).await.unwrap();
    let witness = TestWitness { dir, vkey, running, http: reqwest::Client::new() };

    let answer = witness.send(&log.request(0, 5)).await;
    let signatures = treering_tlog::witness::parse_signatures(answer.body.as_bytes()).unwrap();
    let verify = |key, line| treering_tlog::cosignature::verify(key, &log.checkpoint(5), line).unwrap();
    assert_eq!(signatures.len(), 2);
    assert_eq!(verify(&witness.vkey, &signatures[0]), verify(&second, &signatures[1]));
    // The record is one that either key alone can go on from: an old key may go.
    witness.restart().await;
}

#[tokio::test]
async fn files_of_logs_are_checked_before_they_take_effect() {
    let (log, new) = (TestLog::new("log.example/a"), TestLog::new("log.example/b"));
    let witness = TestWitness::start(&[&log]).await;
    assert_eq!(witness.send(&new.request(0, 3)).await.problem(404), "unknown_log");

    let bad = witness.dir.path().join("logs/bad.policy");
    support::add(witness.dir.path(), &new);
    std::fs::write(&bad, "log nonsense\n").unwrap();
    assert!(witness.running.reload().unwrap_err().to_string().contains("bad.policy"));
    assert_eq!(witness.send(&new.request(0, 3)).await.problem(404), "unknown_log");
    witness.send(&log.request(0, 3)).await.cosigned(&witness.vkey, &log.checkpoint(3));

    std::fs::remove_file(&bad).unwrap();
    assert_eq!(witness.running.reload().unwrap(), 2);
    witness.send(&new.request(0, 3)).await.cosigned(&witness.vkey, &new.checkpoint(3));
}
