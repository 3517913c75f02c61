//! What is read of the store for others is held against the hashes above it before it is handed out; and what the scrub has
//! found to be wrong is not handed out at all.

use super::{
    Fixture, LONG,
    faults::{real_clock, start_with},
    key,
    read_back::{entries, leaves},
    root,
    store::{FailingStore, Step, Wrong},
    submission,
};
use rocksdb::{DB, Options};
use std::sync::Arc;
use treering_log::log::{Log, ReadError, Settings};
use treering_tlog::{policy::Policy, tile::TilePath, tree::TreeSize};

/// A log of two entries, the second with three submissions, of which memory holds nothing any more.
async fn started_again(fixture: &Fixture) -> (Log, Arc<FailingStore>) {
    let start = async || {
        let store = Arc::new(FailingStore::new(&fixture.settings(), None));
        let log = start_with(fixture.settings(), Arc::clone(&store), real_clock(), fixture.net.clone()).await;
        (log, store)
    };
    let (log, store) = start().await;
    store.held.send_replace(Some(Step::Seal));
    log.submit(submission(0)).await.unwrap();
    store.reached().await;
    for number in 1..4 {
        log.submit(submission(number)).await.unwrap();
    }
    store.held.send_replace(None);
    for number in 1..4 {
        assert_eq!(fixture.published(&log, number).await, 1);
    }
    drop(store);
    fixture.stop(log).await;
    start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_receipt_is_made_of_bytes_that_were_read_wrong() {
    let fixture = Fixture::new("g");
    let (log, store) = started_again(&fixture).await;
    // Of the two leaves in the tile the other one; of the bundle a byte of the second entry's root; of the batch's three leaves
    // another one.
    for wrong in [leaves(0, 0), entries(80), Wrong { batch: Some(1), ..leaves(0, 40) }] {
        store.damage(wrong);
        let receipt = log.receipt(root(1), None, None).await;
        assert!(store.heal(), "{wrong:?}: nobody has read it");
        assert_eq!(receipt.err(), Some(ReadError::Store), "{wrong:?}: a receipt was made of wrong bytes");
    }
    fixture.verify(log.receipt(root(1), None, None).await.unwrap(), root(1));
    drop(store);
    fixture.stop(log).await;
}

fn flip(settings: &Settings, family: &str, row: &[u8], at: usize) {
    change(settings, family, row, |value| value[at] ^= 1);
}

/// Changes a row behind the store's back, so that RocksDB holds it to be whole.
pub(super) fn change(settings: &Settings, family: &str, row: &[u8], change: impl FnOnce(&mut Vec<u8>)) {
    let options = Options::default();
    let families = DB::list_cf(&options, &settings.store).unwrap();
    let rows = DB::open_cf(&options, &settings.store, families).unwrap();
    let family = rows.cf_handle(family).unwrap();
    let mut value = rows.get_cf(family, row).unwrap().expect("there is such a row");
    change(&mut value);
    rows.put_cf(family, row, value).unwrap();
}

/// A byte of a row, what is not served any more once it is wrong, and some of what is.
type Case = (&'static str, &'static [u8], usize, Vec<Read>, Vec<Read>);

/// What others read.
enum Read {
    Tile(TilePath),
    Batch(u64),
}

impl Read {
    async fn of(&self, log: &Log) -> bool {
        let read = match self {
            Read::Tile(path) => log.tile(*path).await.map(|tile| tile.is_some()),
            Read::Batch(entry) => {
                let one = TreeSize::new(1).unwrap();
                log.batch_piece(*entry, one, 0).await.map(|leaves| !leaves.is_empty())
            }
        };
        assert_ne!(read, Ok(false), "it is not there");
        read.is_ok()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_scrub_finds_wrong_is_not_served_and_all_else_is() {
    let mut fixture = Fixture::new("none");
    fixture.tick = std::time::Duration::from_millis(1);
    let log = fixture.start().await;
    // One full tile of leaves, which no start reads any more, and its bundle.
    for number in 0..260 {
        log.submit(submission(number)).await.unwrap();
        fixture.published(&log, number).await;
    }
    fixture.stop(log).await;
    let scrubbed = Settings {
        // Nobody to be asked.
        policy: Policy::parse(format!("log {}\nquorum none\n", key().verifier()).as_bytes()).unwrap(),
        scrub_bytes_per_second: 64 << 20,
        ..fixture.settings()
    };
    let tile = |path: &str| Read::Tile(TilePath::parse(path).unwrap());
    let (full, bundle) = (|| tile("tile/0/000"), || tile("tile/entries/000"));
    // Rows by the layout as the store's documentation has it: level, or 255 for entries, and index; entry before both.
    let cases: [Case; 3] = [
        // Which of the two is wrong isn't known.
        ("tiles", &[0; 9], 5 * 32, vec![full(), bundle()], vec![tile("tile/1/000.p/1"), Read::Batch(5)]),
        ("tiles", &[255, 0, 0, 0, 0, 0, 0, 0, 0], 40, vec![bundle()], vec![tile("tile/1/000.p/1")]),
        ("batches", &[0; 17], 7, vec![Read::Batch(0)], vec![full(), bundle(), Read::Batch(1)]),
    ];
    for (family, row, at, withheld, served) in cases {
        flip(&scrubbed, family, row, at);
        let log = Log::open(scrubbed.clone(), key(), real_clock()).await.unwrap();
        for read in &withheld {
            let refused = async { while read.of(&log).await {} };
            tokio::time::timeout(LONG, refused).await.expect("wrong bytes are served on and on");
        }
        for read in &served {
            assert!(read.of(&log).await, "{family}: what is right is not served");
        }
        fixture.stop(log).await;
        flip(&scrubbed, family, row, at);
    }
    assert!(fixture.check().is_clean(), "{:#?}", fixture.check());
}
