//! Group commit: how many requests share a synced write, and that sharing loses and mixes up nothing.

use super::{
    Fixture, key,
    store::{FailingStore, Step},
    submission,
};
use futures_util::{future::join_all, poll};
use std::{sync::Arc, time::Duration};
use treering_log::{
    clock::SystemClock,
    log::{Log, Place, Settings},
};

async fn start(fixture: &Fixture, settings: Settings) -> (Log, Arc<FailingStore>) {
    let store = Arc::new(FailingStore::new(&settings, None));
    let parts = (Arc::clone(&store) as _, Arc::new(SystemClock::new()) as _);
    let log = Log::start(settings, Arc::new(key()), parts, fixture.net.clone()).await.unwrap();
    (log, store)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_while_a_write_is_under_way_shares_the_next_one() {
    let fixture = Fixture::new("g");
    let (log, store) = start(&fixture, fixture.settings()).await;
    store.held.send_replace(Some(Step::Accept));
    let first = tokio::spawn({
        let log = log.clone();
        async move { log.submit(submission(0)).await }
    });
    store.reached().await;
    // Polled once (few enough for one poll of a task), each stands in the line; none can be acknowledged while the write before it is held.
    let mut others = Box::pin(join_all((1..40).map(|number| log.submit(submission(number)))));
    assert!(poll!(others.as_mut()).is_pending());
    store.held.send_replace(None);
    assert_eq!(first.await.unwrap(), Ok(Place::Pending));
    assert!(others.await.iter().all(|place| *place == Ok(Place::Pending)));
    assert_eq!(store.count(Step::Accept), 2);
    for number in 0..40 {
        fixture.published(&log, number).await;
    }
    drop(store);
    fixture.stop(log).await;
    assert!(fixture.check().is_clean(), "{:#?}", fixture.check());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_waits_for_others_as_long_as_it_is_told_to() {
    let fixture = Fixture::new("g");
    let settings = Settings { commit_wait: Duration::from_secs(1), ..fixture.settings() };
    let (log, store) = start(&fixture, settings).await;
    let places = join_all((0..50).map(|number| log.submit(submission(number)))).await;
    assert!(places.iter().all(|place| *place == Ok(Place::Pending)));
    assert_eq!(store.count(Step::Accept), 1);
    fixture.published(&log, 49).await;
    drop(store);
    fixture.stop(log).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_root_twice_in_one_group_is_one_submission() {
    let fixture = Fixture::new("g");
    let settings = Settings { commit_wait: Duration::from_secs(1), ..fixture.settings() };
    let (log, store) = start(&fixture, settings).await;
    let places = join_all([1, 2, 1, 1].map(|number| log.submit(submission(number)))).await;
    assert!(places.iter().all(|place| *place == Ok(Place::Pending)));
    assert_eq!(store.count(Step::Accept), 1);
    for number in [1, 2] {
        fixture.published(&log, number).await;
    }
    drop(store);
    fixture.stop(log).await;
    assert_eq!(fixture.check().submissions, 2);
}
