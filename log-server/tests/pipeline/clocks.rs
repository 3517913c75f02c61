//! Clocks that are wrong at the start, that jump, and that go on while the process does not; and what waits meanwhile.

use super::{
    Fixture,
    faults::{says, start_with, until},
    moved::Moved,
    net::Mood,
    store::FailingStore,
    submission,
};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use treering_log::{
    log::{Log, Place, Settings, SubmitError},
    store::Grant,
};

const HOUR: u64 = 3_600;

async fn start(fixture: &Fixture, settings: Settings, clock: &Arc<Moved>) -> (Log, Arc<FailingStore>) {
    let store = Arc::new(FailingStore::new(&settings, None));
    let log =
        start_with(settings, Arc::clone(&store), Arc::clone(clock) as _, Arc::clone(&fixture.net) as _).await;
    (log, store)
}

/// Waits until each witness has cosigned something for this process.
async fn all_have_cosigned(log: &Log) {
    until("all witnesses have cosigned", || log.witnesses().iter().all(|row| row.last_time.is_some())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_ahead_deletes_nothing() {
    let fixture = Fixture::new("g");
    let settings = Settings {
        retention: Some(Duration::from_secs(3_600)),
        token_window: Duration::from_secs(20),
        ..fixture.settings()
    };
    let clock = Moved::by(0);
    let (log, store) = start(&fixture, settings, &clock).await;
    log.submit(submission(1)).await.unwrap();
    fixture.published(&log, 1).await;
    clock.step(7_200);
    until("the step is seen", || says(&log, "stepped")).await;
    // Nothing else reads a tile of an idle log: so the upkeep has looked at the entry's age twice.
    let before = store.reads.load(Ordering::SeqCst);
    until("the upkeep has run", || store.reads.load(Ordering::SeqCst) >= before + 2).await;
    drop(store);
    assert!(matches!(log.batch(0).await, Ok(Some(Some(_)))), "the batch was dropped by a clock that jumped");
    fixture.stop(log).await;
}

/// Not even for the moment before the first tick looks at the clock.
#[tokio::test]
async fn no_time_is_given_before_anybody_has_looked_at_the_clock() {
    let fixture = Fixture::new("none");
    let (log, _store) = start(&fixture, fixture.settings(), &Moved::by(0)).await;
    // One thread: no part of the log has run yet.
    assert!(log.time(Duration::from_secs(1)).is_err());
    until("there is a time", || log.time(Duration::from_secs(1)).is_ok()).await;
    log.stop(Duration::ZERO).await;
}

/// A machine that boots with its clock ahead, and has it set right later.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_with_a_clock_that_is_ahead_seals_and_deletes_nothing_until_it_is_right() {
    let fixture = Fixture::new("g");
    let settings = || Settings {
        retention: Some(Duration::from_secs(24 * HOUR)),
        token_window: Duration::from_secs(20),
        ..fixture.settings()
    };
    let (log, store) = start(&fixture, settings(), &Moved::by(0)).await;
    log.submit(submission(1)).await.unwrap();
    fixture.published(&log, 1).await;
    drop(store);
    fixture.stop(log).await;
    for (number, ahead) in (2..).zip([HOUR, 48 * HOUR]) {
        let clock = Moved::by(ahead);
        // One witness is as wrong as this machine, and no quorum.
        fixture.net.set_clock(0, ahead);
        let (log, store) = start(&fixture, settings(), &clock).await;
        all_have_cosigned(&log).await;
        let sealed = log.status().sealed_size;
        assert_eq!(log.submit(submission(number)).await, Ok(Place::Pending));
        if ahead > 24 * HOUR {
            // More than one round of it reads of two entries, and what the publisher reads when it begins.
            let before = store.reads.load(Ordering::SeqCst);
            until("the upkeep has run", || store.reads.load(Ordering::SeqCst) >= before + 8).await;
        }
        drop(store);
        until("the clock was looked at", || says(&log, "not confirmed by a quorum of the witnesses")).await;
        assert!(log.status().accepting && !log.status().publishing);
        assert_eq!((log.status().sealed_size, log.status().pending), (sealed, 1));
        assert!(log.time(Duration::from_secs(1)).is_err(), "a timestamp would have this time");
        assert!(
            matches!(log.batch(0).await, Ok(Some(Some(_)))),
            "the batch was dropped by a clock that is ahead"
        );
        clock.step(0);
        fixture.published(&log, number).await;
        assert!(log.time(Duration::from_secs(1)).is_ok());
        fixture.net.set_clock(0, 0);
        fixture.stop(log).await;
    }
    assert!(fixture.check().is_clean());
}

/// After a weekend: the clock is right, and nobody has to do anything.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_long_after_the_last_entry_goes_on_once_a_quorum_confirms_the_time() {
    let fixture = Fixture::new("g");
    let log = fixture.start().await;
    log.submit(submission(1)).await.unwrap();
    fixture.published(&log, 1).await;
    fixture.stop(log).await;
    // It is sixty hours later for the log; for the witnesses first half a minute less.
    let later = 60 * HOUR;
    fixture.net.all(Mood::Away);
    let (log, _store) = start(&fixture, fixture.settings(), &Moved::by(later)).await;
    log.submit(submission(2)).await.unwrap();
    until("it says what it waits for", || says(&log, "not confirmed")).await;
    assert!(log.status().accepting);
    for witness in 0..2 {
        assert_eq!(log.status().sealed_size, 1);
        fixture.net.set_clock(witness, later - 30);
        fixture.net.set(witness, Mood::Good);
    }
    fixture.published(&log, 2).await;
    log.stop(Duration::ZERO).await;
}

/// Witnesses that know less answer the start's question with a size, and no time: they are asked for it.
#[tokio::test(flavor = "multi_thread")]
async fn witnesses_that_are_behind_confirm_the_time_too() {
    let fixture = Fixture::new("g");
    let log = fixture.start().await;
    log.submit(submission(1)).await.unwrap();
    fixture.published(&log, 1).await;
    fixture.net.set(2, Mood::Away);
    log.submit(submission(2)).await.unwrap();
    fixture.published(&log, 2).await;
    fixture.stop(log).await;
    let clock = Moved::by(HOUR);
    (0..3).for_each(|witness| fixture.net.set_clock(witness, HOUR));
    fixture.net.set(2, Mood::Good);
    fixture.net.set(1, Mood::Away);
    // Of the two that can be asked one says 409: the blocking set is complete, and there is one time.
    let (log, _store) = start(&fixture, fixture.settings(), &clock).await;
    log.submit(submission(3)).await.unwrap();
    fixture.published(&log, 3).await;
    log.stop(Duration::ZERO).await;
}

/// A virtual machine's memory that was put back, once its clock is set: nothing but that step shows that it was not there.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_the_witnesses_confirm_is_taken_and_they_are_asked_before_anything_is_signed() {
    let fixture = Fixture::new("g");
    let clock = Moved::by(0);
    let (log, _store) = start(&fixture, fixture.settings(), &clock).await;
    log.submit(submission(1)).await.unwrap();
    fixture.published(&log, 1).await;
    all_have_cosigned(&log).await;
    until("all witnesses know it", || (0..3).all(|witness| fixture.net.head(witness).size.get() == 1)).await;
    clock.step(HOUR);
    until("the step is seen", || says(&log, "stepped")).await;
    log.submit(submission(2)).await.unwrap();
    until("they are asked for the time", || fixture.net.asked(1, 1) >= 3).await;
    assert_eq!(log.status().sealed_size, 1);
    assert_eq!(fixture.net.largest_seen(), 1);
    clock.step(0);
    fixture.published(&log, 2).await;
    // This time it is right.
    (0..3).for_each(|witness| fixture.net.set_clock(witness, HOUR));
    clock.step(HOUR);
    log.submit(submission(3)).await.unwrap();
    fixture.published(&log, 3).await;
    // Once for the time, once as at a start.
    assert!(fixture.net.asked(2, 2) >= 4, "{}", fixture.net.asked(2, 2));
    assert!(log.time(Duration::from_secs(1)).is_ok());
    log.stop(Duration::ZERO).await;
}

/// Both clocks went on: no step, but the process was not there.
#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_was_suspended_asks_before_it_signs_and_goes_on() {
    let fixture = Fixture::new("g");
    let clock = Moved::by(0);
    let (log, _store) = start(&fixture, fixture.settings(), &clock).await;
    log.submit(submission(1)).await.unwrap();
    fixture.published(&log, 1).await;
    assert_eq!(fixture.net.asked(1, 1), 0);
    (0..3).for_each(|witness| fixture.net.set_clock(witness, 90));
    clock.sleep(90);
    log.submit(submission(2)).await.unwrap();
    fixture.published(&log, 2).await;
    assert!(fixture.net.asked(1, 1) >= 2, "it signed and had not asked");
    assert!(!says(&log, "clock"), "{:?}", log.status());
    log.stop(Duration::ZERO).await;
}

/// What it had acknowledged before stays in the intake, which every start looks at; in a tree that is never signed nobody would.
#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_knows_more_holds_signing_sealing_and_intake() {
    let fixture = Fixture::new("g");
    let log = fixture.start().await;
    log.submit(submission(1)).await.unwrap();
    fixture.published(&log, 1).await;
    fixture.stop(log).await;
    // Nobody objects yet, and sealing waits for its clock, so that there is something in the intake when somebody does.
    fixture.net.all(Mood::Away);
    let clock = Moved::by(HOUR);
    let settings = Settings { clock_step: Duration::from_secs(60), ..fixture.settings() };
    let (log, store) = start(&fixture, settings, &clock).await;
    until("sealing waits", || says(&log, "not confirmed")).await;
    assert_eq!(log.submit(submission(2)).await, Ok(Place::Pending));
    fixture.net.set(1, Mood::KnowsMore);
    until("the witness objects", || says(&log, "beyond everything")).await;
    assert_eq!(log.submit(submission(3)).await, Err(SubmitError::Held));
    let grant = Grant { serial: [1; 16], commitment: [2; 32] };
    assert_eq!(log.grant(grant).await, Err(SubmitError::Held));
    // What it has, it says as ever.
    assert_eq!(log.submit(submission(2)).await, Ok(Place::Pending));
    assert_eq!(log.submit(submission(1)).await, Ok(Place::Sealed { entry: 0, position: 0 }));
    // Its clock is right, and the ticks that come are none.
    clock.step(0);
    until("the clock is in order", || !says(&log, "not confirmed")).await;
    tokio::time::sleep(fixture.tick * 10).await;
    let status = log.status();
    assert!(!status.accepting && !status.publishing, "{status:?}");
    assert_eq!((status.sealed_size, status.pending), (1, 1));
    assert_eq!(fixture.net.largest_seen(), 1, "a head beyond the last signed one was sent");
    drop(store);
    fixture.stop(log).await;

    // The witness was wrong, and the log goes on.
    fixture.net.all(Mood::Good);
    let log = fixture.start().await;
    fixture.published(&log, 2).await;
    log.submit(submission(3)).await.unwrap();
    fixture.published(&log, 3).await;
    fixture.stop(log).await;
}
