//! What is about to be signed is read back from the store, and held against the record, before anything is signed.

use super::{
    Fixture, LONG, faults, key,
    net::Mood,
    root,
    store::{FailingStore, Step, Wrong},
    submission,
};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use treering_log::{
    clock::SystemClock,
    log::{Log, Settings},
    record::{HighMark, Record},
    signer::{Signer, SignerError},
    store::Store as _,
};
use treering_tlog::{
    checkpoint::Checkpoint,
    hash::Hash,
    note::{Signature, VerifierKey},
    tile::{TileKind, TileLevel},
    tree::{TreeHead, TreeSize},
};

/// The log's key, and what it has signed.
#[derive(Debug, Default)]
pub(super) struct WatchedKey(Mutex<Vec<TreeHead>>);

impl WatchedKey {
    pub(super) fn largest(&self) -> Option<u64> {
        self.0.lock().unwrap().iter().map(|head| head.size.get()).max()
    }
}

impl Signer for WatchedKey {
    fn sign(&self, text: &str) -> Result<Signature, SignerError> {
        self.0.lock().unwrap().push(Checkpoint::parse(text).unwrap().head);
        Ok(key().sign(text))
    }

    fn verifier(&self) -> VerifierKey {
        key().verifier()
    }
}

/// A log with two entries that are published, and the means to look at what it does next.
pub(super) struct Watched {
    pub(super) fixture: Fixture,
    pub(super) store: Arc<FailingStore>,
    pub(super) key: Arc<WatchedKey>,
    pub(super) record: Record,
    pub(super) log: Log,
}

impl Watched {
    pub(super) async fn with_two_entries() -> Watched {
        Watched::with_window(Duration::from_secs(86_400)).await
    }

    pub(super) async fn with_window(token_window: Duration) -> Watched {
        let mut fixture = Fixture::new("g");
        // Some seal a whole tile of entries.
        fixture.tick = Duration::from_millis(5);
        let settings = Settings { token_window, ..fixture.settings() };
        let store = Arc::new(FailingStore::new(&settings, None));
        let (key, record) = (Arc::new(WatchedKey::default()), Record::beside(&settings.store));
        let parts = (Arc::clone(&store) as _, Arc::new(SystemClock::new()) as _);
        let log = Log::start(settings, Arc::clone(&key) as _, parts, fixture.net.clone()).await.unwrap();
        for number in 0..2 {
            log.submit(submission(number)).await.unwrap();
            fixture.published(&log, number).await;
        }
        Watched { fixture, store, key, record, log }
    }

    /// Seals one more entry.
    pub(super) async fn seal(&self, number: u64) {
        self.log.submit(submission(number)).await.unwrap();
        faults::until("it is sealed", || self.log.status().sealed_size > number).await;
    }

    /// Seals one more entry, and does something just before.
    async fn seal_after(&self, number: u64, change: impl FnOnce()) {
        self.store.held.send_replace(Some(Step::Seal));
        self.log.submit(submission(number)).await.unwrap();
        self.store.reached().await;
        change();
        self.store.held.send_replace(None);
    }

    /// Why it failed; it must, and show nothing of this submission.
    async fn failed(&self, number: u64) -> String {
        tokio::select! {
            biased;
            why = self.log.failed() => why,
            // Of what can't be read no receipt can be made, either.
            _ = self.log.wait_receipt(root(number), None, LONG) => {
                let published = self.log.status().published_size;
                assert!(published.is_none_or(|size| size <= number), "it was signed and published");
                // That it ends may be seen a moment before why.
                tokio::time::timeout(LONG, self.log.failed()).await.expect("it fails")
            }
        }
    }

    /// Nothing of size 3 was signed, recorded or shown; and with a store that gives back what it holds the log goes on.
    async fn signed_nothing(self, record: Option<HighMark>) {
        let Watched { fixture, store, key, record: file, log } = self;
        assert_eq!(file.read().unwrap(), record);
        assert_eq!((key.largest(), fixture.net.largest_seen()), (Some(2), 2));
        let size = |size| TreeSize::new(size).unwrap();
        assert!(store.checkpoint(size(2)).unwrap().is_some());
        assert!(store.checkpoint(size(3)).unwrap().is_none());
        assert_eq!(log.status().published_size, Some(2));
        Watched { fixture, store, key, record: file, log }.goes_on(3).await;
    }

    /// With a store that gives back what it holds the log goes on, and has the receipts of so many submissions.
    pub(super) async fn goes_on(self, submissions: u64) {
        let Watched { fixture, store, log, .. } = self;
        fixture.net.all(Mood::Good);
        drop(store);
        fixture.stop(log).await;
        assert!(fixture.check().is_clean(), "{:#?}", fixture.check());
        let log = fixture.start().await;
        for number in 0..submissions {
            fixture.published(&log, number).await;
        }
        fixture.stop(log).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bit_that_is_read_back_wrong_is_not_signed() {
    // The first and the last byte of three hashes; the third entry's time, and the root of its batch; the batch's only leaf.
    let (tiles, entry) = ("the tiles have another root", "entry 2 has another leaf hash");
    let batch = "in batch 2 the tiles have another root";
    for (wrong, what) in [
        (leaves(0, 0), tiles),
        (leaves(0, 95), tiles),
        (entries(TIME + 2 * ENTRY), entry),
        (entries(ROOT + 2 * ENTRY), batch),
        (Wrong { batch: Some(2), ..leaves(0, 7) }, batch),
    ] {
        let watched = Watched::with_two_entries().await;
        let record = watched.record.read().unwrap();
        assert_eq!(record.map(|mark| mark.head.size.get()), Some(2));
        watched.seal_after(2, || watched.store.damage(wrong)).await;
        assert_eq!(
            watched.failed(2).await,
            format!("before signing size 3, the store gave back another tree than was sealed: {what}")
        );
        assert!(watched.store.heal(), "nobody has read it");
        watched.signed_nothing(record).await;
    }
}

/// Where witnesses were away, one signature covers many entries.
#[tokio::test(flavor = "multi_thread")]
async fn each_entry_below_a_signature_is_read_back() {
    for (wrong, what) in [
        (entries(TIME + 3 * ENTRY), "entry 3 has another leaf hash"),
        (entries(TIME), "entry 0 has another leaf hash"),
        (Wrong { batch: Some(5), ..leaves(0, 0) }, "in batch 5 the tiles have another root"),
    ] {
        let watched = Watched::with_two_entries().await;
        watched.fixture.net.all(Mood::Away);
        for number in 2..5 {
            watched.seal(number).await;
        }
        watched.seal_after(5, || watched.store.damage(wrong)).await;
        let failed = watched.failed(5).await;
        // If it is late, it gives the fifth head up and begins anew just before the sixth entry.
        let sizes = [5, 6].map(|size| {
            format!("before signing size {size}, the store gave back another tree than was sealed: {what}")
        });
        assert!(sizes.contains(&failed), "{failed}");
        assert!(watched.store.heal(), "nobody has read it");
        assert!(watched.key.largest().unwrap() < 6);
        watched.goes_on(6).await;
    }
}

/// A tile that has just become full is below one hash of the tile above it: that alone leads to the root.
#[tokio::test(flavor = "multi_thread")]
async fn a_tile_that_has_become_full_is_read_back() {
    let watched = Watched::with_two_entries().await;
    for number in 2..255 {
        watched.seal(number).await;
    }
    // What comes before it is signed, or that would be the head that isn't.
    watched.fixture.published(&watched.log, 254).await;
    watched.seal_after(255, || watched.store.damage(leaves(0, 0))).await;
    assert_eq!(
        watched.failed(255).await,
        "before signing size 256, the store gave back another tree than was sealed: tile/0/000 is not what the tile above it says"
    );
    assert!(watched.store.heal(), "nobody has read it");
    assert!(watched.key.largest().unwrap() < 256);
    watched.goes_on(256).await;
}

/// A byte of a tile of leaf hashes.
pub(super) fn leaves(index: u64, byte: usize) -> Wrong {
    Wrong { batch: None, kind: TileKind::Hashes(TileLevel::LEAVES), index, byte, lost: false }
}

/// A byte of the first bundle.
pub(super) fn entries(byte: usize) -> Wrong {
    Wrong { batch: None, kind: TileKind::Entries, index: 0, byte, lost: false }
}

/// An entry in a bundle: its length, and 46 bytes.
const ENTRY: usize = 48;
/// In it: the last byte of its time, and the first one of its batch's root.
const TIME: usize = 12;
const ROOT: usize = 15;

/// Another process has signed with this store's record, or an operator has put another one there.
#[tokio::test(flavor = "multi_thread")]
async fn behind_or_beside_a_record_that_changes_under_the_log_nothing_is_signed() {
    for size in [3, 10] {
        let watched = Watched::with_two_entries().await;
        let before = watched.record.read().unwrap().unwrap();
        let head = TreeHead { size: TreeSize::new(size).unwrap(), root: Hash::new([9; 32]) };
        let other = HighMark { head, ended: false };
        watched.seal_after(2, || watched.record.write(&other).unwrap()).await;
        let why = watched.failed(2).await;
        let wanted = format!("before signing size 3, the record says that size {size} may have been signed");
        assert!(why.starts_with(&wanted), "{why}");
        assert_eq!(watched.record.read().unwrap(), Some(other));
        watched.record.write(&before).unwrap();
        watched.signed_nothing(Some(before)).await;
    }
}
