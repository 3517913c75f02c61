//! The pipeline in one process, on a real store, with witnesses that do what each test wants.
#![expect(clippy::unwrap_used, reason = "tests")]

mod bounds;
mod clocks;
mod damaged;
mod faults;
mod grants;
mod groups;
#[path = "../support/moved.rs"]
mod moved;
mod net;
mod read_back;
mod served;
mod signing;
mod standstill;
mod store;
mod writes;

use net::{Mood, Net};
use std::{sync::Arc, time::Duration};
use treering_log::{
    check,
    clock::{Clock, SystemClock},
    log::{Log, OpenError, Place, ReceiptState, Settings, Submission, SubmitError},
    record::{HighMark, Record},
    recover::StartError,
    signer::Signer,
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
        // In memory, where that can be had: here it is the log that fails, not the disk.
        let memory = tempfile::Builder::new().prefix("treering-test-").tempdir_in("/dev/shm");
        let dir = memory.or_else(|_| tempfile::tempdir()).unwrap();
        Fixture { dir, net, policy, tick, max_pending: 10_000 }
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
        self.start_with(self.settings()).await
    }

    /// With another policy, and little patience.
    async fn start_by(&self, policy: &str) -> Result<Log, OpenError> {
        let policy = Policy::parse(policy.as_bytes()).unwrap();
        let settings = Settings { policy, witness_timeout: Duration::from_millis(50), ..self.settings() };
        self.start_with(settings).await
    }

    async fn start_with(&self, settings: Settings) -> Result<Log, OpenError> {
        self.start_signed_by(settings, Arc::new(key())).await
    }

    async fn start_signed_by(&self, settings: Settings, signer: Arc<dyn Signer>) -> Result<Log, OpenError> {
        let store = RocksStore::open(&settings.store, &settings.origin, settings.cache_bytes).unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        Log::start(settings, signer, (Arc::new(store), clock), self.net.clone()).await
    }

    async fn start(&self) -> Log {
        self.try_start().await.unwrap()
    }

    /// Stops a log and waits until its store can be opened again.
    async fn stop(&self, log: Log) {
        log.stop(LONG).await;
        drop(log);
        self.let_go().await;
    }

    /// Waits until the store can be opened: tasks of a log that was stopped may hold it for a moment longer.
    async fn let_go(&self) {
        let settings = self.settings();
        let is_free = || RocksStore::open(&settings.store, &settings.origin, 1 << 20).is_ok();
        faults::until("the store is let go", is_free).await;
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
    // The first tick comes at once, and may do so when the queue is full already: then there is room once more. What is
    // sent after it stays in the queue.
    let mut accepted = Vec::new();
    let mut refused = Vec::new();
    while refused.is_empty() || log.status().accepting {
        let number = u64::try_from(accepted.len()).unwrap();
        match log.submit(submission(number)).await {
            Ok(_) => accepted.push(number),
            Err(error) => refused.push(error),
        }
        assert!(accepted.len() < 10, "the queue has no bound");
        assert!(refused.len() <= 2, "refused, and accepting all the same");
    }
    assert!(
        refused.iter().all(|error| *error == SubmitError::QueueFull { retry_after: LONG }),
        "{refused:?}"
    );
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

/// One witness with two keys, of which only one signs for a while.
#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_cosigned_with_a_part_of_its_keys_is_asked_again() {
    let fixture = Fixture::new("g");
    let lines = fixture.net.policy_lines().replace("http://1.example", "http://0.example");
    let policy = format!("log {}\n{lines}group both all w0 w1\nquorum both\n", key().verifier());
    fixture.net.all(Mood::Away);
    fixture.net.set(0, Mood::WithNext);
    let log = fixture.start_by(&policy).await.unwrap();
    log.submit(submission(1)).await.unwrap();
    let is_there = |state| matches!(state, Ok(ReceiptState::Ready(_)));
    assert!(is_there(log.wait_receipt(root(1), None, LONG).await));
    fixture.net.set(0, Mood::Good);
    log.submit(submission(2)).await.unwrap();
    faults::until("one key signs", || fixture.net.head(0).size.get() == 2).await;
    assert_eq!(log.status().published_size, Some(1));
    fixture.net.set(0, Mood::WithNext);
    assert!(is_there(log.wait_receipt(root(2), None, LONG).await));
    fixture.stop(log).await;
}

/// At a start nobody could ask enough of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_quorum_of_witnesses_without_urls_is_refused() {
    let fixture = Fixture::new("g");
    for (without, refused) in [(1, false), (2, true)] {
        let mut lines = fixture.net.policy_lines();
        for witness in 0..without {
            lines = lines.replace(&format!(" http://{witness}.example"), "");
        }
        let policy = format!("log {}\n{lines}group g 2 w0 w1 w2\nquorum g\n", key().verifier());
        let started = fixture.start_by(&policy).await;
        assert_eq!(matches!(started, Err(OpenError::OutOfReach)), refused, "{without}");
        if let Ok(log) = started {
            fixture.stop(log).await;
        }
        fixture.let_go().await;
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
    let good = record.read().unwrap().unwrap().head;
    let write = |size: u64, root| {
        let head = TreeHead { size: TreeSize::new(size).unwrap(), root };
        record.write(&HighMark { head, ended: false }).unwrap();
    };
    write(good.size.get() + 1, good.root);
    assert!(matches!(fixture.try_start().await, Err(OpenError::Start(StartError::Behind { .. }))));
    write(good.size.get(), Hash::new([1; 32]));
    assert!(matches!(fixture.try_start().await, Err(OpenError::Start(StartError::OtherRoot { .. }))));
    assert_eq!(fixture.check().findings.len(), 1);
    std::fs::remove_file(record.path()).unwrap();
    assert!(matches!(fixture.try_start().await, Err(OpenError::Start(StartError::NoRecord { .. }))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_log_waits_for_witnesses_that_know_it() {
    let fixture = Fixture::new("g");
    fixture.net.all(Mood::UnknownLog);
    let log = fixture.start().await;
    log.submit(submission(1)).await.unwrap();
    // It has no entry yet that its clock could be held against.
    while !log.status().degraded.iter().any(|why| why.contains("not confirmed")) {
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
async fn the_check_counts_what_it_goes_through() {
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
