//! Writes that fail, clocks that jump, witnesses with quotas, and stops at awkward moments.

use super::{
    Fixture, LONG, key,
    net::{Mood, Net},
    root,
    store::{FailingStore, Step},
    submission,
};
use futures_util::future::BoxFuture;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use treering_log::{
    clock::{Clock, SystemClock},
    log::{Log, ReceiptState, Settings, SubmitError},
    store::RocksStore,
    witness_client::WitnessError,
    witnesses::Witnesses,
};
use treering_tlog::{
    note::{Note, Signature},
    time::UnixMillis,
    witness::AddCheckpoint,
};

/// The machine's clock, moved by as much as a test says.
#[derive(Debug)]
struct Moved {
    clock: SystemClock,
    ahead: AtomicU64,
}

impl Moved {
    fn new() -> Arc<Moved> {
        Arc::new(Moved { clock: SystemClock::new(), ahead: AtomicU64::new(0) })
    }
}

impl Clock for Moved {
    fn now(&self) -> UnixMillis {
        UnixMillis::new(self.clock.now().get() + self.ahead.load(Ordering::SeqCst)).unwrap()
    }
    fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }
}

async fn start_with(
    settings: Settings,
    store: Arc<FailingStore>,
    clock: Arc<dyn Clock>,
    net: Arc<dyn Witnesses>,
) -> Log {
    Log::start(settings, Arc::new(key()), (store, clock), net).await.unwrap()
}

fn real_clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new())
}

async fn until(what: &str, mut is: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < LONG, "{what}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_fails_ends_the_log_and_nothing_acknowledged_is_lost() {
    let steps = [Step::Accept, Step::Seal, Step::KeepSigned, Step::Publish];
    for (step, nth, done) in
        steps.iter().flat_map(|s| [(*s, 1, false), (*s, 1, true), (*s, 3, false), (*s, 3, true)])
    {
        let fixture = Fixture::new("g");
        let store = Arc::new(FailingStore::new(&fixture.settings(), Some((step, nth, done))));
        let log = start_with(fixture.settings(), Arc::clone(&store), real_clock(), fixture.net.clone()).await;
        let mut acknowledged = Vec::new();
        let mut failed = Box::pin(log.failed());
        for number in 0.. {
            let taken = tokio::select! {
                biased;
                _ = &mut failed => break,
                taken = log.submit(submission(number)) => taken,
            };
            match taken {
                Ok(_) => acknowledged.push(number),
                Err(error) => assert_eq!(error, SubmitError::Stopping),
            }
            tokio::select! {
                biased;
                _ = &mut failed => break,
                _ = log.wait_receipt(root(number), None, LONG) => {}
            }
        }
        let published = log.checkpoint();
        assert_eq!(log.submit(submission(1_000_000)).await, Err(SubmitError::Stopping), "{step:?}");
        assert_eq!(log.checkpoint(), published, "{step:?}: published after the failure");
        let seen = fixture.net.largest_seen();
        drop(failed);
        log.stop(Duration::ZERO).await;
        drop((log, store));
        until("the store is let go", || {
            RocksStore::open(&fixture.settings().store, &fixture.settings().origin, 1 << 20).is_ok()
        })
        .await;
        assert!(fixture.check().is_clean(), "{step:?} {nth} {done}: {:#?}", fixture.check());
        assert_eq!(fixture.net.largest_seen(), seen);
        let log = fixture.start().await;
        for number in acknowledged {
            fixture.published(&log, number).await;
        }
        fixture.stop(log).await;
        assert!(fixture.check().is_clean(), "{step:?} {nth} {done}: {:#?}", fixture.check());
    }
}

/// Submits from this number on until the log fails; those that were acknowledged.
async fn submit_until_it_fails(log: &Log, from: u64) -> Vec<u64> {
    let mut failed = Box::pin(log.failed());
    let mut acknowledged = Vec::new();
    for number in from.. {
        tokio::select! {
            biased;
            _ = &mut failed => break,
            taken = log.submit(submission(number)) => if taken.is_ok() { acknowledged.push(number) },
        }
        tokio::select! {
            biased;
            _ = &mut failed => break,
            _ = log.wait_receipt(root(number), None, LONG) => {}
        }
    }
    acknowledged
}

/// Others' logs have died of the second fault, in the middle of their recovery from the first.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_fault_during_the_recovery_is_survived_too() {
    let steps = [Step::Seal, Step::KeepSigned, Step::Publish];
    for (first, second) in steps.iter().flat_map(|first| steps.iter().map(move |second| (*first, *second))) {
        for done in [false, true] {
            let fixture = Fixture::new("g");
            let mut acknowledged = Vec::new();
            // The second time, what the first one left is sealed, signed and published before anything else.
            for fails in [(first, 2, done), (second, 1, !done)] {
                let store = Arc::new(FailingStore::new(&fixture.settings(), Some(fails)));
                let log =
                    start_with(fixture.settings(), Arc::clone(&store), real_clock(), fixture.net.clone())
                        .await;
                let from = 1000 * acknowledged.len() as u64;
                acknowledged.extend(submit_until_it_fails(&log, from).await);
                log.stop(Duration::ZERO).await;
                drop((log, store));
                until("the store is let go", || {
                    RocksStore::open(&fixture.settings().store, &fixture.settings().origin, 1 << 20).is_ok()
                })
                .await;
            }
            let log = fixture.start().await;
            for number in acknowledged {
                fixture.published(&log, number).await;
            }
            fixture.stop(log).await;
            assert!(fixture.check().is_clean(), "{first:?} {second:?} {done}: {:#?}", fixture.check());
        }
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
async fn a_clock_that_jumps_ahead_deletes_nothing() {
    let fixture = Fixture::new("g");
    let settings = Settings {
        retention: Some(Duration::from_secs(3_600)),
        token_window: Duration::from_secs(20),
        ..fixture.settings()
    };
    let store = Arc::new(FailingStore::new(&settings, None));
    let clock = Moved::new();
    let log = start_with(settings, Arc::clone(&store), clock.clone(), fixture.net.clone()).await;
    log.submit(submission(1)).await.unwrap();
    fixture.published(&log, 1).await;
    clock.ahead.store(7_200_000, Ordering::SeqCst);
    until("the step is seen", || log.status().degraded.iter().any(|why| why.contains("stepped"))).await;
    // Nothing else reads a tile of an idle log: so the upkeep has looked at the entry's age twice.
    let before = store.reads.load(Ordering::SeqCst);
    until("the upkeep has run", || store.reads.load(Ordering::SeqCst) >= before + 2).await;
    drop(store);
    assert!(matches!(log.batch(0).await, Ok(Some(Some(_)))), "the batch was dropped by a clock that jumped");
    fixture.stop(log).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_once_named_a_larger_size_is_asked_again() {
    let fixture = Fixture::new("g");
    let log = fixture.start().await;
    log.submit(submission(1)).await.unwrap();
    fixture.published(&log, 1).await;
    fixture.net.all(Mood::KnowsMore);
    log.submit(submission(2)).await.unwrap();
    until("a witness named a larger size", || {
        log.witnesses().iter().all(|w| w.last_error.as_ref().is_some_and(|e| e.contains("beyond ours")))
    })
    .await;
    fixture.net.all(Mood::Good);
    let state = log.wait_receipt(root(2), None, Duration::from_secs(8)).await.unwrap();
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
    let shown = log.checkpoint().unwrap();
    let begun = Instant::now();
    while log.checkpoint().unwrap() == shown && begun.elapsed() < LONG {
        tokio::task::yield_now().await;
    }
    let fresh = log.checkpoint().unwrap();
    assert_ne!(fresh, shown);
    let (fresh, first) = (Note::parse(&fresh).unwrap(), log.checkpoint_at(1).await.unwrap().unwrap());
    assert_eq!(fresh.text(), Note::parse(&first).unwrap().text());
    assert_ne!(fresh, Note::parse(&first).unwrap());
    fixture.published(&log, 1).await;
    fixture.stop(log).await;
}
