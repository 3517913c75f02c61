//! Old data that can't be read any more costs those who ask for it, and nothing else: no witness, no client and no upkeep ends
//! the log by it (decision 0013).

use super::{
    LONG, faults,
    net::Mood,
    read_back::{Watched, entries, leaves},
    root,
    store::Wrong,
    submission,
};
use std::{sync::Arc, time::Duration};
use treering_log::log::{Place, Submission, SubmitError};

/// More than a tile: the first one isn't read for what is new.
const ENTRIES: u64 = 258;

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_needs_a_proof_from_there_keeps_nobody_from_going_on() {
    let watched = Watched::with_two_entries().await;
    faults::until("the witness is there", || watched.fixture.net.head(2).size.get() == 2).await;
    let old = watched.fixture.net.head(2);
    for number in 2..ENTRIES {
        watched.seal(number).await;
    }
    watched.fixture.published(&watched.log, ENTRIES - 1).await;
    let heads = || (0..3).map(|witness| watched.fixture.net.head(witness).size.get());
    faults::until("no other witness needs a proof from there", || heads().all(|size| size == ENTRIES)).await;
    watched.store.damage(Wrong { lost: true, ..leaves(0, 0) });
    // As a witness that was put back from an older copy.
    watched.fixture.net.set_head(2, old);
    for number in ENTRIES..ENTRIES + 3 {
        watched.log.submit(submission(number)).await.unwrap();
        watched.fixture.published(&watched.log, number).await;
    }
    let named = || {
        let degraded = watched.log.status().degraded;
        degraded.iter().any(|why| why.starts_with("witness w2: a proof from the size that the witness knows"))
    };
    faults::until("readiness says why that witness doesn't cosign", named).await;
    assert!(watched.store.heal(), "nobody has read it");
    // It is mended, as by a restore of that file's block: the witness is served again.
    let served = || watched.fixture.net.head(2).size.get() > 2;
    watched.log.submit(submission(ENTRIES + 3)).await.unwrap();
    faults::until("the witness catches up", served).await;
    watched.goes_on(ENTRIES + 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn upkeep_that_can_not_read_how_old_entries_are_deletes_nothing_and_goes_on() {
    // Long enough that the last entries of the bundle are within it when the bundle is damaged.
    let watched = Watched::with_window(Duration::from_secs(5)).await;
    for number in 2..ENTRIES {
        watched.seal(number).await;
    }
    watched.fixture.published(&watched.log, ENTRIES - 1).await;
    watched.store.damage(Wrong { lost: true, ..entries(0) });
    faults::until("the upkeep looks", || watched.store.damage_is_met()).await;
    watched.log.submit(submission(ENTRIES)).await.unwrap();
    watched.fixture.published(&watched.log, ENTRIES).await;
    watched.store.heal();
    watched.goes_on(ENTRIES + 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_that_can_not_be_looked_up_is_refused_alone() {
    let watched = Watched::with_two_entries().await;
    watched.store.lose(Some(root(0)));
    // In one group, by whatever turn they come.
    let both = [watched.log.submit(submission(0)), watched.log.submit(submission(2))];
    let [lost, fresh] = futures_util::future::join_all(both).await.try_into().unwrap();
    assert_eq!((lost, fresh), (Err(SubmitError::Unreadable), Ok(Place::Pending)));
    watched.fixture.published(&watched.log, 2).await;
    watched.store.lose(None);
    assert_eq!(watched.log.submit(submission(0)).await, Ok(Place::Sealed { entry: 0, position: 0 }));
    watched.goes_on(3).await;
}

/// It was sealed without its commitments, and they are sent later: they are kept, or refused.
#[tokio::test(flavor = "multi_thread")]
async fn commitments_that_can_not_be_looked_up_are_refused() {
    let watched = Watched::with_two_entries().await;
    let commitments = [root(7), root(8)].map(|hash| *hash.as_bytes());
    let whole = treering_tlog::kernel::root(&commitments);
    let sent = |small: Option<Arc<[[u8; 32]]>>| {
        let submission = Submission { root: whole, count: 2, small, min_entry: None };
        watched.log.submit(submission)
    };
    assert_eq!(sent(None).await, Ok(Place::Pending));
    let state = watched.log.wait_receipt(whole, None, LONG).await.unwrap();
    watched.fixture.verify(state, whole);
    let small: Arc<[[u8; 32]]> = commitments.into();
    watched.store.lose(Some(whole));
    assert_eq!(sent(Some(small.clone())).await, Err(SubmitError::Unreadable));
    watched.store.lose(None);
    assert_eq!(sent(Some(small)).await, Ok(Place::Sealed { entry: 2, position: 0 }));
    watched.fixture.net.all(Mood::Good);
    watched.goes_on(2).await;
}
