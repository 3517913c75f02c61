//! What is bounded stays so when those who asked go away.

use super::{
    Fixture,
    faults::{real_clock, start_with},
    root,
    store::{FailingStore, Step},
    submission,
};
use futures_util::poll;
use std::{
    sync::{Arc, atomic::Ordering},
    task::Poll,
};
use treering_log::log::{Place, Submission};
use treering_tlog::tile::TilePath;

/// As a client of HTTP/2 can that opens streams and resets each at once: what it asked for is read all the same, and reads share
/// their threads with everything that the log writes.
#[tokio::test(flavor = "multi_thread")]
async fn reads_whose_readers_went_away_keep_nobody_from_writing() {
    /// As many as may be under way, and the one of whoever signs.
    const READS: usize = 32 + 1;
    let fixture = Fixture::new("g");
    let settings = fixture.settings();
    let store = Arc::new(FailingStore::new(&settings, None));
    let log = start_with(settings, Arc::clone(&store), real_clock(), fixture.net.clone()).await;
    log.submit(submission(1)).await.unwrap();
    fixture.published(&log, 1).await;

    let path = TilePath::parse("tile/0/000.p/1").unwrap();
    let held = store.tiles.write().await;
    // More than the runtime has threads for.
    for _ in 0..600 {
        let mut asked = Box::pin(log.tile(path));
        assert!(poll!(asked.as_mut()).is_pending());
        drop(asked);
        tokio::task::yield_now().await;
    }
    let mut submitted = Box::pin(log.submit(submission(2)));
    let place = loop {
        let reading = store.reading.load(Ordering::SeqCst);
        assert!(reading <= READS, "{reading} reads are under way");
        match poll!(submitted.as_mut()) {
            Poll::Ready(place) => break place,
            Poll::Pending => tokio::task::yield_now().await,
        }
    };
    assert_eq!(place, Ok(Place::Pending));
    drop((submitted, held));
    // They are over, and the next one has its turn.
    assert!(log.tile(path).await.unwrap().is_some());
    drop(store);
    fixture.published(&log, 2).await;
    fixture.stop(log).await;
}

/// What stands before the writer keeps its commitments, whether anybody waits for the answer or not.
#[tokio::test(flavor = "multi_thread")]
async fn commitments_whose_senders_went_away_count_until_they_are_written() {
    /// What the line may hold, in commitments, and what one request brings.
    const ROOM: usize = 1 << 20;
    const EACH: usize = 1024;
    let fixture = Fixture::new("g");
    let settings = fixture.settings();
    let store = Arc::new(FailingStore::new(&settings, None));
    let log = start_with(settings, Arc::clone(&store), real_clock(), fixture.net.clone()).await;
    store.held.send_replace(Some(Step::Accept));
    let first = tokio::spawn({
        let log = log.clone();
        async move { log.submit(submission(1)).await }
    });
    store.reached().await;

    let commitments: Arc<[[u8; 32]]> = vec![[7; 32]; EACH].into();
    let sent =
        || Submission { root: root(2), count: 1, small: Some(Arc::clone(&commitments)), min_entry: None };
    for _ in 0..2 * ROOM / EACH {
        let mut submitted = Box::pin(log.submit(sent()));
        assert!(poll!(submitted.as_mut()).is_pending());
        drop(submitted);
        tokio::task::yield_now().await;
    }
    let in_line = Arc::strong_count(&commitments) - 1;
    store.held.send_replace(None);
    assert_eq!(in_line, ROOM / EACH);
    assert_eq!(first.await.unwrap(), Ok(Place::Pending));
    // They are written, and there is room again.
    log.submit(sent()).await.unwrap();
    drop(store);
    fixture.published(&log, 2).await;
    fixture.stop(log).await;
}
