//! Writes that fail: of each kind, the store's and the record's, before and after they were done.

use super::{
    Fixture, LONG,
    faults::{real_clock, until},
    grants::{grant, proved},
    key, root,
    store::{FailingRecord, FailingStore, Step},
    submission,
};
use futures_util::{StreamExt as _, stream};
use std::{pin::pin, sync::Arc, time::Duration};
use treering_log::{
    host::Host,
    log::{Log, Parts, ReceiptState, Settings, Submission, SubmitError},
};
use treering_tlog::{
    hash::{self, Hash},
    tree::TreeSize,
};
use treering_token::commitment::Commitment;

use super::net::Mood;

/// Logs that run beside each other: most of the time each waits for its tick.
const AT_ONCE: usize = 8;

/// Which write fails: the n-th of a kind, and was it done?
type Fails = (Step, usize, bool);

/// With what the log comes to its n-th write of the kind within seconds.
fn settings(fixture: &Fixture, step: Step) -> Settings {
    let short = Duration::from_secs(1);
    let settings = fixture.settings();
    match step {
        Step::KeepRefreshed => Settings { refresh: Duration::from_millis(100), ..settings },
        Step::CloseWindow => Settings { token_window: short, ..settings },
        // The upkeep comes round 24 times in the window.
        Step::DropBatches => Settings { retention: Some(short), token_window: 24 * short, ..settings },
        _ => settings,
    }
}

async fn start(fixture: &Fixture, settings: Settings, fails: Fails) -> (Log, Arc<FailingStore>) {
    let store = Arc::new(FailingStore::new(&settings, Some(fails)));
    let parts = Parts {
        signer: Arc::new(key()),
        record: Arc::new(FailingRecord::new(&settings, &store)),
        store: Arc::clone(&store) as _,
        clock: real_clock(),
        witnesses: fixture.net.clone(),
        host: Host::Runtime,
    };
    (Log::start_with(settings, parts).await.unwrap(), store)
}

/// What was acknowledged.
#[derive(Debug, Default)]
struct Given {
    submissions: Vec<u64>,
    /// With their commitments.
    small: Vec<u64>,
    grants: Vec<u64>,
}

/// The commitment that [`submission`] has the root of.
fn commitment(number: u64) -> [u8; 32] {
    *hash::sha256(&number.to_be_bytes()).as_bytes()
}

/// Does what leads to writes of this kind, again and again, until the log fails.
async fn work(log: &Log, fixture: &Fixture, store: &FailingStore, step: Step, from: u64) -> Given {
    let mut given = Given::default();
    let mut failed = pin!(log.failed());
    for number in from.. {
        tokio::select! {
            biased;
            _ = &mut failed => break,
            () = one(log, fixture, store, (step, number), &mut given) => {}
        }
    }
    given
}

async fn one(
    log: &Log,
    fixture: &Fixture,
    store: &FailingStore,
    (step, number): (Step, u64),
    given: &mut Given,
) {
    let before = store.count(step);
    let late = step == Step::KeepCosignatures && number > 0;
    if late {
        fixture.net.hold();
    }
    match log.submit(submission(number)).await {
        Ok(_) => given.submissions.push(number),
        Err(error) => assert_eq!(error, SubmitError::Stopping),
    }
    if step == Step::AcceptGrants {
        match log.grant(grant(number)).await {
            Ok(()) => given.grants.push(number),
            Err(error) => assert_eq!(error, SubmitError::Stopping),
        }
    }
    let _ = log.wait_receipt(root(number), None, LONG).await;
    match step {
        Step::KeepSmall => {
            let again = Submission { small: Some(Arc::from([commitment(number)])), ..submission(number) };
            if log.submit(again).await.is_ok() {
                given.small.push(number);
            }
        }
        Step::KeepCosignatures if late => {
            fixture.net.release();
            until("a late cosignature", || store.count(step) > before).await;
        }
        Step::KeepRefreshed | Step::CloseWindow | Step::DropBatches => {
            until("the write that time brings", || store.count(step) > before).await;
        }
        _ => {}
    }
}

/// Ends a log that has failed, and waits until its store can be opened.
async fn end(fixture: &Fixture, log: Log, store: Arc<FailingStore>) {
    log.stop(Duration::ZERO).await;
    drop((log, store));
    fixture.let_go().await;
}

/// All that was acknowledged is there; a batch may be gone only where batches are dropped.
async fn assert_given(fixture: &Fixture, log: &Log, given: &Given, step: Step) {
    for &number in &given.submissions {
        match log.wait_receipt(root(number), None, LONG).await.unwrap() {
            ReceiptState::Gone if step == Step::DropBatches => {}
            state => drop(fixture.verify(state, root(number))),
        }
    }
    for &number in &given.grants {
        proved(fixture, log, &grant(number)).await;
    }
    for &number in &given.small {
        let token = log.small_token(root(number), Commitment(Hash::new(commitment(number)))).await.unwrap();
        assert!(matches!(token, ReceiptState::Ready(_)), "{token:?}");
    }
}

async fn fails_and_comes_back(fails: Fails) {
    let step = fails.0;
    let fixture = Fixture::new("g");
    if step == Step::KeepCosignatures {
        fixture.net.set(2, Mood::Slow);
        fixture.net.release();
    }
    let (log, store) = start(&fixture, settings(&fixture, step), fails).await;
    let given = work(&log, &fixture, &store, step, 0).await;
    assert!(store.struck(), "{fails:?}: it failed of something else: {}", log.failed().await);
    let text =
        || log.checkpoint().map(|note| treering_tlog::note::Note::parse(&note).unwrap().text().to_owned());
    let shown = text();
    assert_eq!(log.submit(submission(1_000_000)).await, Err(SubmitError::Stopping), "{fails:?}");
    assert_eq!(text(), shown, "{fails:?}: published after the failure");
    let seen = fixture.net.largest_seen();
    end(&fixture, log, store).await;
    assert!(fixture.check().is_clean(), "{fails:?}: {:#?}", fixture.check());
    assert_eq!(fixture.net.largest_seen(), seen, "{fails:?}: signed after the failure");
    fixture.net.release();
    let log = fixture.start().await;
    assert_given(&fixture, &log, &given, step).await;
    fixture.stop(log).await;
    assert!(fixture.check().is_clean(), "{fails:?}: {:#?}", fixture.check());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_of_any_kind_that_fails_ends_the_log_and_nothing_acknowledged_is_lost() {
    // A log is frozen once: a test of its own, below. Those that wait for time to pass come first.
    let steps = Step::ALL.into_iter().rev().filter(|step| *step != Step::Freeze);
    let all = steps.flat_map(|step| [1, 3].map(|nth| [false, true].map(|done| (step, nth, done))));
    stream::iter(all.flatten()).for_each_concurrent(AT_ONCE, fails_and_comes_back).await;
}

/// Others' logs have died of the second fault, in the middle of their recovery from the first.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_fault_during_the_recovery_is_survived_too() {
    // The second time, what the first one left is sealed, signed and published before anything else.
    let steps = [Step::Seal, Step::Record, Step::KeepSigned, Step::Publish];
    let pairs = steps.into_iter().flat_map(|first| steps.map(|second| (first, second)));
    let all = pairs.flat_map(|pair| [false, true].map(|done| (pair, done)));
    let twice = async |((first, second), done): ((Step, Step), bool)| {
        let fixture = Fixture::new("g");
        let mut all = Vec::new();
        for fails in [(first, 2, done), (second, 1, !done)] {
            let (log, store) = start(&fixture, fixture.settings(), fails).await;
            all.push(work(&log, &fixture, &store, fails.0, 1000 * all.len() as u64).await);
            assert!(store.struck(), "{fails:?}: it failed of something else: {}", log.failed().await);
            end(&fixture, log, store).await;
        }
        let log = fixture.start().await;
        for given in &all {
            assert_given(&fixture, &log, given, first).await;
        }
        fixture.stop(log).await;
        assert!(fixture.check().is_clean(), "{first:?} {second:?} {done}: {:#?}", fixture.check());
    };
    stream::iter(all).for_each_concurrent(AT_ONCE, twice).await;
}

/// The log has ended with the next start, or goes on; nothing in between.
#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_whose_write_fails_was_one_or_was_none() {
    // The record is written first: at the beginning, for the one entry, and for the end.
    for (fails, ended) in [
        ((Step::Record, 3, false), false),
        ((Step::Record, 3, true), true),
        ((Step::Freeze, 1, false), true),
        ((Step::Freeze, 1, true), true),
    ] {
        let fixture = Fixture::new("g");
        let (log, store) = start(&fixture, fixture.settings(), fails).await;
        log.submit(submission(1)).await.unwrap();
        fixture.published(&log, 1).await;
        log.freeze(LONG).await.unwrap_err();
        assert!(store.struck());
        end(&fixture, log, store).await;
        assert!(fixture.check().is_clean(), "{:#?}", fixture.check());
        let log = fixture.start().await;
        fixture.published(&log, 1).await;
        assert_eq!(log.frozen(), ended.then(|| TreeSize::new(1).unwrap()), "{fails:?}");
        let next = log.submit(submission(2)).await;
        if ended {
            assert_eq!(next, Err(SubmitError::Frozen { size: 1 }));
        } else {
            next.unwrap();
            fixture.published(&log, 2).await;
        }
        fixture.stop(log).await;
        assert!(fixture.check().is_clean(), "{:#?}", fixture.check());
    }
}
