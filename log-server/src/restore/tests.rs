//! Restores from a mirror that lacks something, and restores that were cut short.

use super::{Mirror, Recorded, Restore, RestoreError, Restored};
use crate::{
    record::{HighMark, Record},
    recover,
    sample::{Sample, folder, leaf_hashes},
    store::{RocksStore, Store as _},
};
use axum::{Router, body::Body, extract::State, http::Uri, response::IntoResponse as _, routing::get};
use futures_util::StreamExt as _;
use http::StatusCode;
use std::{
    collections::HashSet,
    ops::Range,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use treering_tlog::{
    hash::Hash,
    tile::{self, TilePath},
};
use treering_token::entry::Entry;

/// Two full bundles, and one that is being filled: three steps of a restore.
const ENTRIES: u64 = 600;
/// What a backup has.
const BACKED_UP: u64 = 258;

/// A mirror of a sample, and what it doesn't have.
struct Served {
    sample: Sample,
    store: RocksStore,
    /// Entries whose batches were dropped.
    gone: HashSet<u64>,
    /// What is not there for the moment.
    away: Mutex<Option<&'static str>>,
}

impl Served {
    fn start(gone: impl IntoIterator<Item = u64>) -> (Arc<Served>, tokio::task::JoinHandle<()>, Mirror) {
        let sample = Sample::new(ENTRIES);
        let (store, gone) = (sample.open(), gone.into_iter().collect());
        let served = Arc::new(Served { sample, store, gone, away: Mutex::default() });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let mirror = Mirror::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&served));
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (served, serving, mirror)
    }

    fn away(&self, path: Option<&'static str>) {
        *self.away.lock().unwrap() = path;
    }

    fn page(&self, path: &str) -> Option<Vec<u8>> {
        let note = |size| self.store.checkpoint(size).unwrap().map(|note| note.to_string().into_bytes());
        if path == "checkpoint" {
            return note(self.store.load().unwrap().published.unwrap());
        }
        if let Some(size) = path.strip_prefix("v1/checkpoints/") {
            return note(crate::sample::size(size.parse().unwrap()));
        }
        if let Some(entry) = path.strip_prefix("v1/batches/") {
            let leaves = leaf_hashes(&self.sample.ticks[entry.parse::<usize>().unwrap()]);
            return Some(leaves.iter().flat_map(|leaf: &Hash| *leaf.as_bytes()).collect());
        }
        self.store.tile(TilePath::parse(path).unwrap()).unwrap().map(Vec::from)
    }
}

async fn answer(State(served): State<Arc<Served>>, uri: Uri) -> (StatusCode, Vec<u8>) {
    let path = uri.path().trim_start_matches('/');
    let entry = path.strip_prefix("v1/batches/").and_then(|entry| entry.parse().ok());
    if entry.is_some_and(|entry| served.gone.contains(&entry)) {
        return (StatusCode::GONE, Vec::new());
    }
    if served.away.lock().unwrap().is_some_and(|away| path.starts_with(away)) {
        return (StatusCode::NOT_FOUND, Vec::new());
    }
    served.page(path).map_or((StatusCode::NOT_FOUND, Vec::new()), |page| (StatusCode::OK, page))
}

/// Where a log's store is to be.
struct Place {
    dir: tempfile::TempDir,
    sample: Sample,
}

impl Place {
    fn new() -> Place {
        Place { dir: folder(), sample: Sample::empty() }
    }

    /// With what was taken out of a backup.
    fn with_backup(size: u64) -> Place {
        let (place, sample) = (Place::new(), Sample::new(size));
        let path = place.store().with_extension("restoring");
        std::fs::rename(sample.copy().store, path).unwrap();
        place
    }

    fn store(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    fn record(&self) -> Record {
        Record::beside(&self.store())
    }

    async fn take(&self, mirror: &Mirror) -> Result<super::Rebuilt, RestoreError> {
        self.restore(async |restore| restore.take_mirror(mirror, |_, _| {}).await).await
    }

    async fn restored(&self, mirror: &Mirror) -> Result<Restored, RestoreError> {
        let rebuilt = self.take(mirror).await?;
        self.restore(async |restore| restore.finish(rebuilt)).await
    }

    async fn restore<T>(&self, with: impl AsyncFnOnce(Restore<'_>) -> T) -> T {
        let (store, Sample { origin, policy, .. }) = (self.store(), &self.sample);
        with(Restore { store: &store, origin, policy, cache_bytes: 1 << 20 }).await
    }

    /// Of these entries there are batches, and of none before them.
    fn assert_batches(&self, entries: Range<u64>) {
        let store = RocksStore::open(&self.store(), &self.sample.origin, 1 << 20).unwrap();
        assert_eq!(store.load().unwrap().retained_from, entries.start);
        assert_eq!(store.first_batch_from(0).unwrap(), Some(entries.start));
        for entry in entries {
            assert!(!store.batch_rows(entry).unwrap().is_empty(), "batch {entry}");
        }
        store.close();
        drop(store);
        let report = self.sample.check(&self.store());
        assert!(report.is_clean(), "{report:#?}");
    }
}

/// A mirror drops nothing, but what the log had dropped while it was away is missing in the middle.
#[tokio::test]
async fn what_stands_before_a_hole_in_the_batches_counts_as_dropped() {
    for (gone, dropped, given_up, retained_from) in [
        (vec![100], 1, 100, 101),
        (vec![0, 1, 2], 3, 0, 3),
        (vec![0, 1, 50, 52], 4, 49, 53),
        (vec![255, 256], 2, 255, 257),
        ((10..300).chain([520]).collect(), 291, 230, 521),
        (vec![], 0, 0, 0),
    ] {
        let (_served, serving, mirror) = Served::start(gone.clone());
        let place = Place::new();
        let restored = place.restored(&mirror).await.unwrap();
        let rebuilt = restored.rebuilt;
        assert_eq!((rebuilt.dropped, rebuilt.given_up), (dropped, given_up), "{gone:?}");
        assert_eq!(rebuilt.retained_from, retained_from, "{gone:?}");
        assert_eq!(restored.head.size.get(), ENTRIES);
        place.assert_batches(retained_from..ENTRIES);
        serving.abort();
    }
}

#[tokio::test]
async fn a_restore_that_is_cut_short_goes_on_with_what_it_knew_of_dropped_batches() {
    for (gone, retained_from) in [
        ((0..100).collect(), 100),
        ((0..300).collect(), 300),
        ((0..550).collect(), 550),
        (vec![100], 101),
        (vec![100, 400], 401),
    ] {
        let gone: Vec<u64> = gone;
        let (served, serving, mirror) = Served::start(gone.clone());
        let place = Place::new();
        for (bundle, entries) in [("tile/entries/001", 256), ("tile/entries/002", 512)] {
            served.away(Some(bundle));
            let cut = place.take(&mirror).await.unwrap_err();
            assert!(matches!(cut, RestoreError::Fetch(_)), "{cut}");
            let so_far =
                RocksStore::open_copy(&place.store().with_extension("restoring"), &place.sample.origin);
            assert_eq!(so_far.unwrap().load().unwrap().head.size.get(), entries);
        }
        served.away(None);
        let restored = place.restored(&mirror).await.unwrap();
        assert_eq!(restored.rebuilt.retained_from, retained_from, "{gone:?}");
        place.assert_batches(retained_from..ENTRIES);
        serving.abort();
    }
}

/// How long a batch is says its entry: nothing of it is read before the entry is known to be the log's.
#[tokio::test]
async fn no_batch_is_read_for_an_entry_that_is_not_proved() {
    /// More than any batch of this log has.
    const MUCH: usize = 8 << 20;
    let (served, serving, _) = Served::start([]);
    serving.abort();
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&sent);
    let lying = async |State(served): State<Arc<Served>>, uri: Uri| {
        let path = uri.path().trim_start_matches('/');
        let Some(mut page) = served.page(path) else { return StatusCode::NOT_FOUND.into_response() };
        if path.starts_with("tile/entries/000") {
            let own = served.sample.entry(0);
            let claimed = Entry::new(own.sealed_at(), own.batch_root(), 1 << 40).unwrap().encode();
            let mut bundle = Vec::new();
            tile::append_entry(&mut bundle, &claimed).unwrap();
            bundle.extend_from_slice(&page[2 + own.encode().len()..]);
            page = bundle;
        }
        page.into_response()
    };
    let endless = async move || {
        let piece = move |()| {
            let sent = counted.fetch_add(1 << 16, Ordering::SeqCst);
            if sent < MUCH { Ok(vec![0_u8; 1 << 16]) } else { Err(std::io::Error::other("enough")) }
        };
        Body::from_stream(futures_util::stream::repeat(()).map(piece))
    };
    let router = Router::new().route("/v1/batches/{entry}", get(endless)).fallback(lying).with_state(served);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mirror = Mirror::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let refused = Place::new().take(&mirror).await.unwrap_err();
    assert!(matches!(refused, RestoreError::OtherHistory { .. }), "{refused}");
    assert_eq!(sent.load(Ordering::SeqCst), 0);
    serving.abort();
}

/// What `/checkpoint` showed when the backup was made is older than what was published since.
#[tokio::test]
async fn the_refresh_in_a_backup_is_not_shown_over_a_newer_head() {
    let (_served, _serving, mirror) = Served::start([]);
    let place = Place::with_backup(BACKED_UP);
    let restored = place.restored(&mirror).await.unwrap();
    assert_eq!(restored.rebuilt.entries, ENTRIES - BACKED_UP);
    place.assert_batches(0..ENTRIES);
    let loaded = RocksStore::open(&place.store(), &place.sample.origin, 1 << 20).unwrap().load().unwrap();
    assert_eq!(loaded.published.map(|size| size.get()), Some(ENTRIES));
    assert_eq!(loaded.refreshed, None);
}

/// The batches of a backup, and a mirror that was away for some of those after it.
#[tokio::test]
async fn a_hole_behind_a_backup_drops_what_the_backup_has() {
    let (_served, _serving, mirror) = Served::start([300]);
    let place = Place::with_backup(BACKED_UP);
    let rebuilt = place.restored(&mirror).await.unwrap().rebuilt;
    assert_eq!((rebuilt.dropped, rebuilt.given_up, rebuilt.retained_from), (1, 300, 301));
    place.assert_batches(301..ENTRIES);
}

/// A backup that was made between a head's signature and its publication.
#[tokio::test]
async fn a_head_that_was_published_after_the_backup_is_published_after_the_restore() {
    let (_served, _serving, mirror) = Served::start([]);
    let place = Place::with_backup(ENTRIES);
    let path = place.store().with_extension("restoring");
    {
        let options = rocksdb::Options::default();
        let families = rocksdb::DB::list_cf(&options, &path).unwrap();
        let rows = rocksdb::DB::open_cf(&options, &path, families).unwrap();
        let key = [&b"p"[..], &ENTRIES.to_be_bytes()].concat();
        rows.delete_cf(rows.cf_handle("checkpoints").unwrap(), key).unwrap();
        rows.delete_cf(rows.cf_handle("meta").unwrap(), "refreshed").unwrap();
    }
    let restored = place.restored(&mirror).await.unwrap();
    assert_eq!((restored.rebuilt.entries, restored.rebuilt.checkpoints), (0, 1));
    let loaded = RocksStore::open(&place.store(), &place.sample.origin, 1 << 20).unwrap().load().unwrap();
    assert_eq!(loaded.published.map(|size| size.get()), Some(ENTRIES));
}

/// Neither mirrors nor backups know that a log has ended: the record does.
#[tokio::test]
async fn a_log_that_has_ended_stays_so_when_its_store_is_made_anew() {
    let (served, _serving, mirror) = Served::start([]);
    let place = Place::new();
    let head = served.sample.checkpoint(ENTRIES).head;
    place.record().write(&HighMark { head, ended: true }).unwrap();
    let restored = place.restored(&mirror).await.unwrap();
    assert_eq!(restored.record, Recorded::Ended(head.size));
    let store = RocksStore::open(&place.store(), &place.sample.origin, 1 << 20).unwrap();
    assert_eq!(store.load().unwrap().frozen, None);
    let (loaded, _) = recover::load(&store, &place.record()).unwrap();
    assert_eq!(loaded.frozen, Some(head.size));
    recover::keep_end(&store, &place.record(), &loaded).unwrap();
    assert_eq!(store.load().unwrap().frozen, Some(head.size));

    // It ended earlier: somebody has gone on with its key.
    let place = Place::new();
    let head = served.sample.checkpoint(BACKED_UP).head;
    place.record().write(&HighMark { head, ended: true }).unwrap();
    let refused = place.restored(&mirror).await.unwrap_err();
    let text = refused.to_string();
    assert!(
        text.contains("this log has ended at size 258, for ever, and the store goes on behind that"),
        "{text}"
    );
    assert!(!place.store().exists());
}
