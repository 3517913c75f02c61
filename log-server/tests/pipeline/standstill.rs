//! A copy of the store that went on elsewhere: what this log had sealed may have been signed there, with another root. What shows
//! it is a process that stood still, or a witness that knows a size which is in the record and was never signed.

use super::{
    Fixture, LONG,
    faults::{says, until},
    key,
    moved::Moved,
    net::Mood,
    read_back::WatchedKey,
    store::{FailingRecord, FailingStore, Step},
    submission,
};
use std::{sync::Arc, time::Duration};
use treering_log::{
    host::Host,
    log::{FreezeError, Log, Parts},
    record::Record,
};
use treering_tlog::{
    checkpoint::{Checkpoint, Origin},
    hash::Hash,
    note::Note,
    tree::TreeHead,
};

/// A log with two entries that are published, and what it does its work with.
struct Running {
    fixture: Fixture,
    store: Arc<FailingStore>,
    key: Arc<WatchedKey>,
    clock: Arc<Moved>,
    log: Log,
}

impl Running {
    /// `fails`: which write, and the how-manieth of its kind.
    async fn start(fails: Option<(Step, usize, bool)>) -> Running {
        let fixture = Fixture::new("g");
        let (settings, clock, key) = (fixture.settings(), Moved::by(0), Arc::new(WatchedKey::default()));
        let store = Arc::new(FailingStore::new(&settings, fails));
        let parts = Parts {
            signer: Arc::clone(&key) as _,
            record: Arc::new(FailingRecord::new(&settings, &store)),
            store: Arc::clone(&store) as _,
            clock: Arc::clone(&clock) as _,
            witnesses: fixture.net.clone(),
            host: Host::Runtime,
        };
        let log = Log::start_with(settings, parts).await.unwrap();
        for number in 0..2 {
            log.submit(submission(number)).await.unwrap();
            fixture.published(&log, number).await;
        }
        Running { fixture, store, key, clock, log }
    }

    /// Stands still for an hour while this write of the third head is under way.
    async fn stand_still_at(&self, step: Step, meanwhile: impl FnOnce()) {
        self.store.held.send_replace(Some(step));
        self.log.submit(submission(2)).await.unwrap();
        self.store.reached().await;
        meanwhile();
        self.clock.sleep(3_600);
        self.store.held.send_replace(None);
    }
}

/// While the record is written, and while the signed checkpoint is.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_standstill_the_witnesses_are_asked_before_a_head_is_signed_or_shown() {
    for (step, signed) in [(Step::Record, 2), (Step::KeepSigned, 3)] {
        let running = Running::start(None).await;
        let net = Arc::clone(&running.fixture.net);
        running.stand_still_at(step, || net.all(Mood::KnowsMore)).await;
        until("a witness objects", || says(&running.log, "beyond everything")).await;
        assert_eq!((running.key.largest(), net.largest_seen()), (Some(signed), 2), "{step:?}");
        running.log.stop(Duration::ZERO).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_standstill_in_which_nobody_went_on_the_log_does() {
    for step in [Step::Record, Step::KeepSigned] {
        let running = Running::start(None).await;
        running.stand_still_at(step, || ()).await;
        running.fixture.published(&running.log, 2).await;
        running.log.stop(LONG).await;
    }
}

/// A log that ended between the record of its third head and the signature, and the head that the record names.
async fn ended_before_it_signed() -> (Fixture, TreeHead) {
    // Of size 0, of both entries' heads, and this one.
    let Running { fixture, store, log, .. } = Running::start(Some((Step::KeepSigned, 4, false))).await;
    log.submit(submission(2)).await.unwrap();
    let why = tokio::time::timeout(LONG, log.failed()).await.expect("it fails");
    assert!(why.contains("a test"), "{why}");
    log.stop(Duration::ZERO).await;
    drop((log, store));
    fixture.let_go().await;
    let head = Record::beside(&fixture.settings().store).read().unwrap().expect("a record").head;
    assert_eq!((head.size.get(), fixture.net.largest_seen()), (3, 2));
    (fixture, head)
}

/// As the witnesses show it, which have cosigned it.
fn cosigned(fixture: &Fixture, head: TreeHead) -> Note {
    (0..3).for_each(|witness| fixture.net.set_head(witness, head));
    let origin = Origin::new(super::ORIGIN).unwrap();
    Checkpoint { origin, head, extensions: vec![] }.sign(&key())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_size_that_is_recorded_and_not_signed_may_be_somebody_elses() {
    let (fixture, head) = ended_before_it_signed().await;
    let other = TreeHead { root: Hash::new([7; 32]), ..head };
    fixture.net.show(cosigned(&fixture, other));
    let log = fixture.start().await;
    until("it is seen", || says(&log, "never made")).await;
    assert!(!log.status().accepting);
    assert_eq!(fixture.net.largest_seen(), 2, "a second head of that size was signed and shown");
    log.stop(Duration::ZERO).await;
}

/// Whose it is, a bare number doesn't tell.
#[tokio::test(flavor = "multi_thread")]
async fn a_size_that_is_recorded_and_not_signed_is_the_logs_own_once_a_witness_shows_that() {
    let (fixture, head) = ended_before_it_signed().await;
    let own = cosigned(&fixture, head);
    let log = fixture.start().await;
    until("it waits", || says(&log, "doesn't show which head that is")).await;
    assert_eq!((fixture.net.largest_seen(), log.status().publishing), (2, false));
    fixture.net.show(own);
    fixture.published(&log, 2).await;
    fixture.stop(log).await;
}

/// What is frozen stays so for ever: neither a copy that is behind its witnesses, nor one that nobody can vouch for.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_frozen_only_where_its_witnesses_confirm_that_it_is_the_newest() {
    let fixture = Fixture::new("g");
    let log = fixture.start().await;
    log.submit(submission(0)).await.unwrap();
    fixture.published(&log, 0).await;
    fixture.stop(log).await;
    let record = Record::beside(&fixture.settings().store);
    for (mood, wait, wanted) in
        [(Mood::KnowsMore, LONG, "beyond everything"), (Mood::Away, fixture.tick, "confirm")]
    {
        fixture.net.all(mood);
        let log = fixture.start().await;
        let error = log.freeze(wait).await.unwrap_err();
        assert!(matches!(error, FreezeError::Unconfirmed(_)), "{error}");
        assert!(error.to_string().contains(wanted), "{error}");
        assert!(!record.read().unwrap().unwrap().ended, "{mood:?}");
        drop(log);
        fixture.let_go().await;
    }
    fixture.net.all(Mood::Good);
    let log = fixture.start().await;
    assert_eq!(log.freeze(LONG).await.unwrap().size.get(), 1);
    assert!(record.read().unwrap().unwrap().ended);
}
