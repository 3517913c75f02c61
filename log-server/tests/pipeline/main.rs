//! The pipeline in one process, on a real store, with witnesses that do what each test wants.
#![expect(clippy::unwrap_used, reason = "tests")]

mod faults;
mod grants;
mod groups;
mod net;
mod store;

use net::{Mood, Net};
use std::{sync::Arc, time::Duration};
use treering_log::{
    check,
    clock::{Clock, SystemClock},
    log::{Log, OpenError, Place, ReceiptState, Settings, Submission, SubmitError},
    record::Record,
    recover::StartError,
    store::RocksStore,
};
use treering_tlog::{
    checkpoint::Checkpoint,
    hash::{self, Hash},
    note::{Note, SigningKey},
    policy::Policy,
    time::UnixSeconds,
    tree::{TreeHead, TreeSize},
};
use treering_token::{commitment::Commitment, verify::Verifier};

const ORIGIN: &str = "log.example/test";
const LONG: Duration = Duration::from_secs(60);

struct Fixture {
    dir: tempfile::TempDir,
    net: Arc<Net>,
    policy: Policy,
    tick: Duration,
    max_pending: usize,
}

impl Fixture {
    fn new(quorum: &str) -> Fixture {
        let net = Arc::new(Net::new(3, ORIGIN, &key().verifier()));
        let text =
            format!("log {}\n{}group g 2 w0 w1 w2\nquorum {quorum}\n", key().verifier(), net.policy_lines());
        let policy = Policy::parse(text.as_bytes()).unwrap();
        let tick = Duration::from_millis(50);
        Fixture { dir: tempfile::tempdir().unwrap(), net, policy, tick, max_pending: 10_000 }
    }

    fn settings(&self) -> Settings {
        Settings {
            origin: treering_tlog::checkpoint::Origin::new(ORIGIN).unwrap(),
            policy: self.policy.clone(),
            store: self.dir.path().join("store"),
            tick: self.tick,
            refresh: LONG,
            clock_step: Duration::from_secs(10),
            token_window: Duration::from_secs(86_400),
            retention: None,
            commit_wait: Duration::ZERO,
            max_pending: self.max_pending,
            min_free_bytes: 0,
            witness_timeout: Duration::from_millis(500),
            scrub_bytes_per_second: 0,
            witness_intervals: std::collections::BTreeMap::new(),
            cache_bytes: 8 << 20,
        }
    }

    async fn try_start(&self) -> Result<Log, OpenError> {
        let settings = self.settings();
        let store = RocksStore::open(&settings.store, &settings.origin, settings.cache_bytes).unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        Log::start(settings, Arc::new(key()), (Arc::new(store), clock), self.net.clone()).await
    }

    async fn start(&self) -> Log {
        self.try_start().await.unwrap()
    }

    /// Stops a log and waits until its store can be opened again: tasks may hold it for a moment longer.
    async fn stop(&self, log: Log) {
        log.stop(LONG).await;
        drop(log);
        let settings = self.settings();
        while RocksStore::open(&settings.store, &settings.origin, 1 << 20).is_err() {
            tokio::task::yield_now().await;
        }
    }

    fn check(&self) -> check::Report {
        {
            let (store, origin) = (self.settings().store, self.settings().origin);
            check::check_store(&store, Some(&Record::beside(&store)), (&origin, &self.policy)).unwrap()
        }
    }

    /// Waits for the receipt and verifies it; the entry that it names.
    async fn published(&self, log: &Log, number: u64) -> u64 {
        let state = log.wait_receipt(root(number), None, LONG).await.unwrap();
        if !matches!(state, ReceiptState::Ready(_)) {
            panic!("no receipt: {state:?}, {:#?}, {:#?}", log.status(), log.witnesses());
        }
        self.verify(state, root(number))
    }

    fn verify(&self, state: ReceiptState, root: Hash) -> u64 {
        let ReceiptState::Ready(token) = state else { panic!("no receipt: {state:?}") };
        let verifier = Verifier { policy: &self.policy, now: UnixSeconds::MAX };
        verifier.receipt(&token, &Commitment(root)).unwrap();
        token.index()
    }
}

fn key() -> SigningKey {
    SigningKey::from_seed(treering_tlog::note::KeyName::new(ORIGIN).unwrap(), &[7; 32])
}

fn submission(number: u64) -> Submission {
    Submission { root: root(number), count: 1, small: None, min_entry: None }
}

fn root(number: u64) -> Hash {
    hash::leaf_hash(hash::sha256(&number.to_be_bytes()).as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_accepted_submission_gets_a_receipt_that_verifies_before_and_after_a_restart() {
    let fixture = Fixture::new("g");
    let log = fixture.start().await;
    for number in 0..40 {
        assert_eq!(log.submit(submission(number)).await, Ok(Place::Pending));
        if number % 10 == 9 {
            fixture.published(&log, number).await;
        }
    }
    fixture.stop(log).await;
    assert!(fixture.check().is_clean(), "{:#?}", fixture.check());
    let log = fixture.start().await;
    for number in 0..40 {
        fixture.published(&log, number).await;
    }
    fixture.stop(log).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_submission_gets_the_same_place_and_min_entry_asks_for_a_new_one() {
    let fixture = Fixture::new("g");
    let log = fixture.start().await;
    assert_eq!(log.submit(submission(1)).await, Ok(Place::Pending));
    assert!(log.submit(submission(1)).await.is_ok());
    let first = fixture.published(&log, 1).await;
    assert_eq!(log.submit(submission(1)).await, Ok(Place::Sealed { entry: first, position: 0 }));
    let size = first + 1;
    let later = Submission { min_entry: Some(size), ..submission(1) };
    assert_eq!(log.submit(later).await, Ok(Place::Pending));
    let second = fixture.verify(log.wait_receipt(root(1), Some(size), LONG).await.unwrap(), root(1));
    assert!(second >= size);
    let earliest = fixture.verify(log.receipt(root(1), None, None).await.unwrap(), root(1));
    assert_eq!(earliest, first);
    let future = Submission { min_entry: Some(1 << 40), ..submission(2) };
    assert!(matches!(log.submit(future).await, Err(SubmitError::MinEntryTooLarge { .. })));
    fixture.stop(log).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_and_loses_nothing() {
    let mut fixture = Fixture::new("g");
    fixture.tick = LONG;
    fixture.max_pending = 3;
    let log = fixture.start().await;
    // The first tick comes at once; what is sent after it stays in the queue.
    let mut accepted = Vec::new();
    let refused = loop {
        let number = u64::try_from(accepted.len()).unwrap();
        match log.submit(submission(number)).await {
            Ok(_) => accepted.push(number),
            Err(error) => break error,
        }
        assert!(accepted.len() < 10, "the queue has no bound");
    };
    assert_eq!(refused, SubmitError::QueueFull { retry_after: LONG });
    assert!(!log.status().accepting);
    fixture.stop(log).await;
    fixture.tick = Duration::from_millis(50);
    let log = fixture.start().await;
    for number in accepted {
        fixture.published(&log, number).await;
    }
    fixture.stop(log).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_quorum_nothing_is_published_and_with_it_everything_is() {
    let fixture = Fixture::new("g");
    let log = fixture.start().await;
    log.submit(submission(1)).await.unwrap();
    fixture.published(&log, 1).await;
    fixture.net.all(Mood::Away);
    log.submit(submission(2)).await.unwrap();
    while log.status().sealed_size < 2 {
        tokio::task::yield_now().await;
    }
    assert!(matches!(log.receipt(root(2), None, None).await, Ok(ReceiptState::Pending { .. })));
    assert_eq!(log.status().published_size, Some(1));
    assert_eq!(log.checkpoint_at(2).await, Ok(None));
    assert_eq!(log.batch(1).await, Ok(None));
    // One witness is not a quorum; two are.
    fixture.net.set(0, Mood::Good);
    fixture.net.set(1, Mood::Good);
    fixture.published(&log, 2).await;
    fixture.stop(log).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn witnesses_that_lie_are_ignored() {
    for mood in [Mood::WrongSignature, Mood::ConflictForEver, Mood::Nonsense] {
        let fixture = Fixture::new("g");
        let log = fixture.start().await;
        fixture.net.set(2, mood);
        for number in 0..3 {
            log.submit(submission(number)).await.unwrap();
            fixture.published(&log, number).await;
        }
        fixture.stop(log).await;
        assert!(fixture.check().is_clean());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_behind_its_record_or_with_another_history_never_starts() {
    let fixture = Fixture::new("g");
    let log = fixture.start().await;
    log.submit(submission(1)).await.unwrap();
    fixture.published(&log, 1).await;
    fixture.stop(log).await;
    let record = Record::beside(&fixture.settings().store);
    let good = record.read().unwrap().unwrap();
    record.write(&TreeHead { size: TreeSize::new(good.size.get() + 1).unwrap(), root: good.root }).unwrap();
    assert!(matches!(fixture.try_start().await, Err(OpenError::Start(StartError::Behind { .. }))));
    record.write(&TreeHead { size: good.size, root: Hash::new([1; 32]) }).unwrap();
    assert!(matches!(fixture.try_start().await, Err(OpenError::Start(StartError::OtherRoot { .. }))));
    assert_eq!(fixture.check().findings.len(), 1);
    std::fs::remove_file(record.path()).unwrap();
    assert!(matches!(fixture.try_start().await, Err(OpenError::Start(StartError::NoRecord { .. }))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_knows_more_holds_signing_and_not_intake() {
    let fixture = Fixture::new("g");
    let log = fixture.start().await;
    log.submit(submission(1)).await.unwrap();
    fixture.published(&log, 1).await;
    fixture.stop(log).await;
    fixture.net.set(1, Mood::KnowsMore);
    let log = fixture.start().await;
    assert_eq!(log.submit(submission(2)).await, Ok(Place::Pending));
    while log.status().sealed_size < 2
        || !log.status().degraded.iter().any(|why| why.contains("beyond everything"))
    {
        tokio::task::yield_now().await;
    }
    assert!(log.status().accepting && !log.status().publishing);
    assert_eq!(log.status().published_size, Some(1));
    let seen = fixture.net.largest_seen();
    assert_eq!(seen, 1, "a head beyond the last signed one was sent");
    log.stop(Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_log_waits_for_witnesses_that_know_it() {
    let fixture = Fixture::new("g");
    fixture.net.all(Mood::UnknownLog);
    let log = fixture.start().await;
    log.submit(submission(1)).await.unwrap();
    while log.status().sealed_size < 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(log.status().published_size, None);
    assert_eq!(fixture.net.largest_seen(), 0);
    // Two of three are a blocking set as well as a quorum here.
    fixture.net.set(0, Mood::Good);
    fixture.net.set(1, Mood::Good);
    fixture.published(&log, 1).await;
    fixture.stop(log).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn quorum_none_publishes_with_the_logs_signature_alone() {
    let fixture = Fixture::new("none");
    fixture.net.all(Mood::Away);
    let log = fixture.start().await;
    log.submit(submission(1)).await.unwrap();
    fixture.published(&log, 1).await;
    fixture.stop(log).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn late_cosignatures_are_kept_and_the_first_of_a_key_stays() {
    let fixture = Fixture::new("g");
    let log = fixture.start().await;
    fixture.net.set(2, Mood::Slow);
    log.submit(submission(1)).await.unwrap();
    fixture.published(&log, 1).await;
    let lines = async || {
        let note = Note::parse(&log.checkpoint_at(1).await.unwrap().unwrap()).unwrap();
        assert_eq!(Checkpoint::parse(note.text()).unwrap().head.size.get(), 1);
        note.signatures().len()
    };
    fixture.net.release();
    while lines().await < 4 {
        tokio::task::yield_now().await;
    }
    assert_eq!(lines().await, 4);
    fixture.stop(log).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_is_named_by_the_check() {
    let fixture = Fixture::new("g");
    let log = fixture.start().await;
    for number in 0..3 {
        log.submit(submission(number)).await.unwrap();
        fixture.published(&log, number).await;
    }
    fixture.stop(log).await;
    let report = fixture.check();
    assert!(report.is_clean(), "{report:#?}");
    assert_eq!((report.entries, report.batches, report.submissions), (3, 3, 3));
    assert!(report.published >= 3 && report.cosignatures >= 6, "{report:#?}");
}
