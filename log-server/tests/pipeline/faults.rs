//! Witnesses with quotas, and stops at awkward moments.

use super::{
    Fixture, LONG, key,
    net::{Mood, Net},
    root,
    store::{FailingStore, Step},
    submission,
};
use futures_util::future::BoxFuture;
use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::{Duration, Instant},
};
use treering_log::{
    clock::{Clock, SystemClock},
    log::{Log, ReceiptState, Settings},
    store::RocksStore,
    witness_client::WitnessError,
    witnesses::Witnesses,
};
use treering_tlog::{
    note::{Note, Signature},
    witness::AddCheckpoint,
};

pub(super) async fn start_with(
    settings: Settings,
    store: Arc<FailingStore>,
    clock: Arc<dyn Clock>,
    net: Arc<dyn Witnesses>,
) -> Log {
    Log::start(settings, Arc::new(key()), (store, clock), net).await.unwrap()
}

pub(crate) fn real_clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new())
}

pub(crate) async fn until(what: &str, mut is: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < LONG, "{what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Is this among the reasons why the log is not well?
pub(crate) fn says(log: &Log, what: &str) -> bool {
    log.status().degraded.iter().any(|why| why.contains(what))
}

/// What fails in the engine's background no call of the log's meets, and where nothing is sealed no tick asks for it.
#[tokio::test(flavor = "multi_thread")]
async fn an_error_in_the_engines_background_ends_a_log_that_seals_nothing() {
    for (mood, why) in [(Mood::Good, "it is idle"), (Mood::UnknownLog, "its sealing waits for the witnesses")]
    {
        let fixture = Fixture::new("g");
        fixture.net.all(mood);
        let store = Arc::new(FailingStore::new(&fixture.settings(), None));
        let log = start_with(fixture.settings(), Arc::clone(&store), real_clock(), fixture.net.clone()).await;
        log.submit(submission(1)).await.unwrap();
        if mood == Mood::Good {
            fixture.published(&log, 1).await;
        } else {
            until("sealing waits", || log.status().degraded.iter().any(|why| why.contains("not confirmed")))
                .await;
        }
        let sealed = store.count(Step::Seal);
        store.is_sick.store(true, Ordering::SeqCst);
        let failed = tokio::time::timeout(LONG, log.failed()).await;
        let said =
            failed.unwrap_or_else(|_| panic!("{why}, and it goes on beside an error in the background"));
        assert_eq!(said, "the store's engine reports 1 errors in the background", "{why}");
        // Why it ends is told first, and in that moment a submission is still written and taken.
        let refused = async { while log.submit(submission(2)).await.is_ok() {} };
        assert!(tokio::time::timeout(LONG, refused).await.is_ok(), "{why}");
        assert_eq!(store.count(Step::Seal), sealed, "{why}: a tick has asked");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_published_after_a_restart() {
    let mut fixture = Fixture::new("g");
    fixture.net.all(Mood::Away);
    fixture.tick = LONG;
    let log = fixture.start().await;
    for number in 0..5 {
        log.submit(submission(number)).await.unwrap();
    }
    log.stop(Duration::ZERO).await;
    drop(log);
    fixture.net.all(Mood::Good);
    fixture.tick = Duration::from_millis(50);
    until("the store is let go", || {
        RocksStore::open(&fixture.settings().store, &fixture.settings().origin, 1 << 20).is_ok()
    })
    .await;
    let log = fixture.start().await;
    for number in 0..5 {
        fixture.published(&log, number).await;
    }
    fixture.stop(log).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_being_written_at_the_stop_is_published_too() {
    let fixture = Fixture::new("g");
    let store = Arc::new(FailingStore::new(&fixture.settings(), None));
    let log = start_with(fixture.settings(), Arc::clone(&store), real_clock(), fixture.net.clone()).await;
    log.submit(submission(1)).await.unwrap();
    fixture.published(&log, 1).await;
    store.held.send_replace(Some(Step::Accept));
    let submitting = tokio::spawn({
        let log = log.clone();
        async move { log.submit(submission(2)).await }
    });
    until("the write is under way", || store.waiting.load(Ordering::SeqCst) > 0).await;
    let stopping = tokio::spawn({
        let log = log.clone();
        async move { log.stop(LONG).await }
    });
    until("the log is stopping", || !log.status().accepting).await;
    store.held.send_replace(None);
    assert!(submitting.await.unwrap().is_ok());
    stopping.await.unwrap();
    assert_eq!(log.status().published_size, Some(2), "{:?}", log.status());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_once_named_a_larger_size_is_asked_again() {
    let fixture = Fixture::new("g");
    let log = fixture.start().await;
    log.submit(submission(1)).await.unwrap();
    fixture.published(&log, 1).await;
    fixture.net.all(Mood::SaysMore);
    log.submit(submission(2)).await.unwrap();
    until("a witness named a larger size", || {
        log.witnesses().iter().all(|w| w.last_error.as_ref().is_some_and(|e| e.contains("beyond ours")))
    })
    .await;
    fixture.net.all(Mood::Good);
    let state = log.wait_receipt(root(2), None, LONG).await.unwrap();
    assert!(matches!(state, ReceiptState::Ready(_)), "{:#?}", log.witnesses());
    fixture.stop(log).await;
}

/// Witnesses that cosign once in an interval of their own, and not at the same moment.
#[derive(Debug)]
struct Paced {
    net: Arc<Net>,
    every: Duration,
    next: Mutex<[Instant; 2]>,
}

impl Witnesses for Paced {
    fn add_checkpoint<'a>(
        &'a self,
        url: &'a str,
        message: &'a AddCheckpoint,
    ) -> BoxFuture<'a, Result<Vec<Signature>, WitnessError>> {
        let index: usize = url.trim_start_matches("http://").trim_end_matches(".example").parse().unwrap();
        Box::pin(async move {
            if self.next.lock().unwrap().get(index).is_some_and(|next| Instant::now() < *next) {
                return Err(WitnessError::Status(429));
            }
            let answer = self.net.add_checkpoint(url, message).await;
            if answer.is_ok()
                && let Some(next) = self.next.lock().unwrap().get_mut(index)
            {
                // On a grid, so that the two never fall together.
                while *next <= Instant::now() {
                    *next += self.every;
                }
            }
            answer
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_goes_at_the_pace_of_witnesses_with_quotas() {
    let fixture = Fixture::new("g");
    fixture.net.set(2, Mood::Away);
    // Longer than a round waits for its first vote.
    let every = fixture.settings().witness_timeout * 4;
    let now = Instant::now();
    let paced = Arc::new(Paced { net: fixture.net.clone(), every, next: Mutex::new([now, now + every / 2]) });
    let store = Arc::new(FailingStore::new(&fixture.settings(), None));
    let log = start_with(fixture.settings(), store, real_clock(), paced).await;
    let begun = Instant::now();
    for number in 0.. {
        let sealed = log.status().sealed_size;
        log.submit(submission(number)).await.unwrap();
        until("the submission is sealed", || log.status().sealed_size > sealed).await;
        if log.status().published_size.unwrap_or(0) >= 3 {
            break;
        }
        assert!(begun.elapsed() < LONG, "{:#?}", log.status());
    }
    log.stop(Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_head_is_cosigned_afresh_and_a_receipt_keeps_the_first() {
    let fixture = Fixture::new("g");
    let settings = Settings { refresh: Duration::from_millis(300), ..fixture.settings() };
    let store = Arc::new(FailingStore::new(&settings, None));
    let log = start_with(settings, store, real_clock(), fixture.net.clone()).await;
    log.submit(submission(1)).await.unwrap();
    fixture.published(&log, 1).await;
    let note = |bytes: &[u8]| Note::parse(bytes).unwrap();
    let begun = Instant::now();
    // The first one may have come to have more cosignatures than when it was published.
    let (fresh, first) = loop {
        let first = log.checkpoint_at(1).await.unwrap().unwrap();
        let (fresh, first) = (note(&log.checkpoint().unwrap()), note(&first));
        if fresh != first && note(&log.checkpoint_at(1).await.unwrap().unwrap()) == first {
            break (fresh, first);
        }
        assert!(begun.elapsed() < LONG, "it is not cosigned afresh");
    };
    assert_eq!(fresh.text(), first.text());
    fixture.published(&log, 1).await;
    fixture.stop(log).await;
}
