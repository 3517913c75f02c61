//! Granted timestamp tokens (RFC 3161): durable before they are given out, one submission a tick, found afterwards.

use super::{
    Fixture, LONG, key, root,
    store::{FailingStore, Step},
    submission,
};
use futures_util::{future::join_all, poll};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use treering_log::{
    clock::{Clock, SystemClock},
    log::{Log, Place, ReceiptState, Settings, Submission, SubmitError},
    store::{Grant, RocksStore},
};
use treering_tlog::{
    hash::{self, Hash},
    time::{UnixMillis, UnixSeconds},
};
use treering_token::{commitment::Commitment, verify::Verifier};

pub(crate) fn grant(number: u64) -> Grant {
    let hash = hash::sha256(&[b"grant", &number.to_be_bytes()[..]].concat());
    Grant { serial: hash.as_bytes()[..16].try_into().unwrap(), commitment: *hash.as_bytes() }
}

async fn start(fixture: &Fixture, settings: Settings) -> (Log, Arc<FailingStore>) {
    let store = Arc::new(FailingStore::new(&settings, None));
    let parts = (Arc::clone(&store) as _, Arc::new(SystemClock::new()) as _);
    let log = Log::start(settings, Arc::new(key()), parts, fixture.net.clone()).await.unwrap();
    (log, store)
}

/// Waits for the proof and verifies it: the entry and how many layers it has.
pub(crate) async fn proved(fixture: &Fixture, log: &Log, grant: &Grant) -> u64 {
    let state = log.wait_grant_proof(grant.serial, LONG).await.unwrap();
    let ReceiptState::Ready(token) = state else { panic!("no proof: {state:?}, {:#?}", log.status()) };
    let verifier = Verifier { policy: &fixture.policy, now: UnixSeconds::MAX };
    let other = Commitment(Hash::new([1; 32]));
    verifier.receipt(&token, &Commitment(Hash::new(grant.commitment))).unwrap();
    verifier.receipt(&token, &other).unwrap_err();
    assert_eq!(token.layers().as_slice().len(), 2);
    token.index()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_grant_gets_a_proof_before_and_after_a_restart() {
    let fixture = Fixture::new("g");
    let log = fixture.start().await;
    for number in 0..20 {
        log.grant(grant(number)).await.unwrap();
        if number % 3 == 0 {
            log.submit(submission(number)).await.unwrap();
        }
        if number % 7 == 6 {
            proved(&fixture, &log, &grant(number)).await;
        }
    }
    fixture.stop(log).await;
    let report = fixture.check();
    assert!(report.is_clean(), "{report:#?}");
    assert_eq!(report.grants, 20);
    let log = fixture.start().await;
    for number in 0..20 {
        proved(&fixture, &log, &grant(number)).await;
    }
    let unknown = log.grant_proof(grant(99).serial).await.unwrap();
    assert!(matches!(unknown, ReceiptState::Unknown), "{unknown:?}");
    fixture.stop(log).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticks_grants_are_one_submission() {
    let mut fixture = Fixture::new("g");
    fixture.tick = LONG;
    let (log, store) = start(&fixture, fixture.settings()).await;
    // The first tick comes at once, and seals what is there by then.
    for number in 0..300 {
        log.grant(grant(number)).await.unwrap();
    }
    let waiting = log.grant_proof(grant(299).serial).await.unwrap();
    assert!(matches!(waiting, ReceiptState::Pending { .. }), "{waiting:?}");
    drop(store);
    fixture.stop(log).await;
    let report = fixture.check();
    assert!(report.is_clean(), "{report:#?}");
    assert_eq!(report.grants, 300);
    assert!(report.submissions <= 2, "{report:#?}");
    // From the tiles now, not from memory.
    let log = fixture.start().await;
    for number in (0..300).step_by(7) {
        proved(&fixture, &log, &grant(number)).await;
    }
    fixture.stop(log).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_is_given_out_before_its_write_and_those_that_wait_share_the_next() {
    let fixture = Fixture::new("g");
    let (log, store) = start(&fixture, fixture.settings()).await;
    store.held.send_replace(Some(Step::AcceptGrants));
    let first = tokio::spawn({
        let log = log.clone();
        async move { log.grant(grant(0)).await }
    });
    store.reached().await;
    let mut others = Box::pin(join_all((1..30).map(|number| log.grant(grant(number)))));
    assert!(poll!(others.as_mut()).is_pending());
    assert!(!first.is_finished());
    // Submissions don't wait for them.
    assert_eq!(log.submit(submission(1)).await, Ok(Place::Pending));
    store.held.send_replace(None);
    assert_eq!(first.await.unwrap(), Ok(()));
    assert!(others.await.iter().all(|answer| *answer == Ok(())));
    assert_eq!(store.count(Step::AcceptGrants), 2);
    drop(store);
    fixture.stop(log).await;
    assert_eq!(fixture.check().grants, 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_of_grants_refuses_and_submissions_go_on() {
    let mut fixture = Fixture::new("g");
    fixture.tick = LONG;
    fixture.max_pending = 3;
    let log = fixture.start().await;
    let mut given = 0;
    let refused = loop {
        match log.grant(grant(given)).await {
            Ok(()) => given += 1,
            Err(error) => break error,
        }
        assert!(given < 10, "the queue has no bound");
    };
    assert_eq!(refused, SubmitError::QueueFull { retry_after: LONG });
    assert!(log.status().accepting, "{:#?}", log.status());
    assert_eq!(log.submit(submission(1)).await, Ok(Place::Pending));
    fixture.stop(log).await;
    assert_eq!(fixture.check().grants, given);
}

/// Whoever got a tick's only token can submit its commitment by itself: then both are the same root in one batch.
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_submits_a_tokens_commitment_breaks_nothing() {
    let mut fixture = Fixture::new("g");
    fixture.tick = LONG;
    let log = fixture.start().await;
    // The first tick is over once this is published.
    log.submit(submission(0)).await.unwrap();
    let log = if matches!(log.receipt(root(0), None, None).await, Ok(ReceiptState::Pending { .. })) {
        fixture.stop(log).await;
        fixture.start().await
    } else {
        log
    };
    log.grant(grant(1)).await.unwrap();
    let commitment = hash::leaf_hash(&grant(1).commitment);
    log.submit(Submission { root: commitment, count: 1, small: None, min_entry: None }).await.unwrap();
    fixture.stop(log).await;
    let report = fixture.check();
    assert!(report.is_clean(), "{report:#?}");
    let log = fixture.start().await;
    proved(&fixture, &log, &grant(1)).await;
    fixture.verify(log.wait_receipt(commitment, None, LONG).await.unwrap(), commitment);
    fixture.stop(log).await;
}

/// A clock that shows what a test says.
#[derive(Debug)]
struct Set(Mutex<(u64, Duration)>);

impl Clock for Set {
    fn now(&self) -> UnixMillis {
        UnixMillis::new(self.0.lock().unwrap().0).unwrap()
    }
    fn monotonic(&self) -> Duration {
        self.0.lock().unwrap().1
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_of_a_token_is_refused_at_once_when_the_clock_steps() {
    const NOON: u64 = 1_800_000_000_000;
    let second = Duration::from_secs(1);
    // The witnesses of the others go by the machine's clock, and wouldn't confirm this one.
    let mut fixture = Fixture::new("none");
    fixture.tick = LONG;
    let clock = Arc::new(Set(Mutex::new((NOON, second))));
    let settings = fixture.settings();
    let store = Arc::new(RocksStore::open(&settings.store, &settings.origin, 1 << 20).unwrap());
    let parts = (store as _, Arc::clone(&clock) as _);
    let log = Log::start(settings, Arc::new(key()), parts, fixture.net.clone()).await.unwrap();
    // The first tick looks at the clock; no other comes in this test.
    while log.time(second).is_err() {
        tokio::task::yield_now().await;
    }
    for (wall, monotonic, well) in [
        (NOON + 500, 1500, true),
        (NOON + 1400, 1500, true),
        (NOON + 1600, 1500, false),
        (NOON - 600, 1500, false),
        (NOON + 3_600_000, 1500, false),
        (NOON + 3_600_000, 3_601_000, true),
        (NOON, 5000, false),
    ] {
        *clock.0.lock().unwrap() = (wall, Duration::from_millis(monotonic));
        assert_eq!(log.time(second).is_ok(), well, "{wall} {monotonic}");
    }
    fixture.stop(log).await;
}
