//! Bringing a store of a former format to this one.
//!
//! Format 2 had the receipts' rows under the submission root, format 3 has them under its leaf hash: what a batch lists,
//! so that the rows can be made anew from a mirror.
//!
//! A copy of the store is made first (`<store>.format-2`), and the rows are taken from there: the old and the new ones look
//! alike, so that a half-way store would be neither. Which steps are done is in the store itself:
//! 1. the copy is made; the store is as it was;
//! 2. one write: the new format, and that it is not all there yet. From here on the former program refuses the store, and
//!    this one goes on here after a crash;
//! 3. the rows, from the first one on;
//! 4. one write: all is there.

use super::{RocksStore, keys, open::FORMAT};
use crate::store::StoreError;
use rocksdb::{IteratorMode, WriteBatch};
use std::path::{Path, PathBuf};
use treering_tlog::{
    checkpoint::Origin,
    hash::{self, Hash},
};

const FORMER: u32 = 2;
/// Rows in one write.
const ROWS: usize = 50_000;

/// Can a store of this format be brought to the present one?
pub(super) fn knows(format: u32) -> bool {
    format == FORMER
}

impl RocksStore {
    /// Opens the store of a log, makes it if there is none, and brings it to this format if it has a former one.
    ///
    /// # Errors
    /// As [`RocksStore::open`]; or the copy that a migration makes first can't be made, or is gone.
    pub fn open_or_migrate(
        path: &Path,
        origin: &Origin,
        cache_bytes: usize,
    ) -> Result<RocksStore, StoreError> {
        match RocksStore::open(path, origin, cache_bytes) {
            Err(StoreError::Older { .. }) => {
                let store = RocksStore::open_unclaimed(path, cache_bytes)?;
                store.belongs_to(origin)?;
                store.migrate(&copy_of(path))?;
                store.claim(origin)?;
                Ok(store)
            }
            opened => opened,
        }
    }

    fn migrate(&self, copy: &Path) -> Result<(), StoreError> {
        let refused = |what: String| StoreError::Migration { to: FORMAT, what };
        let begun = self.get(keys::META, keys::META_MIGRATING)?.is_some();
        if !begun {
            if copy.exists() {
                return Err(refused(format!(
                    "{} is there already, from an earlier try or an earlier store; move it away, and start again",
                    copy.display()
                )));
            }
            tracing::warn!(copy = %copy.display(), "the store has format {FORMER} and is brought to {FORMAT}; first a copy of it");
            self.checkpoint_to(copy)?;
            // CRASH: from this write on the former program refuses the store; the copy is what it still opens.
            let mut batch = WriteBatch::default();
            let meta = self.family(keys::META);
            batch.put_cf(meta, keys::META_MIGRATING, FORMER.to_be_bytes());
            batch.put_cf(meta, keys::META_FORMAT, FORMAT.to_be_bytes());
            self.write("beginning a migration", batch)?;
        } else if !copy.exists() {
            return Err(refused(format!(
                "an earlier try was cut short, and {} is gone, from which it goes on; put it back",
                copy.display()
            )));
        }
        let former = RocksStore::open_copy_unclaimed(copy)?;
        let rows = self.take_receipts(&former)?;
        let mut batch = WriteBatch::default();
        batch.delete_cf(self.family(keys::META), keys::META_MIGRATING);
        self.write("ending a migration", batch)?;
        tracing::warn!(
            rows,
            "the store has format {FORMAT} now; the copy serves the former program, until this one has signed"
        );
        Ok(())
    }

    /// CRASH: as long as the store says that it is being migrated, all of this is done again.
    fn take_receipts(&self, former: &RocksStore) -> Result<u64, StoreError> {
        let family = self.family(keys::RECEIPTS);
        let mut batch = WriteBatch::default();
        batch.delete_range_cf(family, &[0_u8; 40][..], &[0xff_u8; 41][..]);
        let mut count = 0;
        for row in former.engine.rows("reading the receipts", keys::RECEIPTS, IteratorMode::Start) {
            let (key, position) = row?;
            let root = key.get(..32).and_then(Hash::from_slice);
            let entry = key.get(32..).and_then(keys::number);
            let (root, entry) = root.zip(entry).ok_or_else(|| StoreError::Damaged {
                what: format!("the receipt's row {}", hex::encode(&key)),
            })?;
            batch.put_cf(family, keys::receipt(&hash::leaf_hash(root.as_bytes()), entry), position);
            count += 1;
            if batch.len() >= ROWS {
                self.write("migrating the receipts", std::mem::take(&mut batch))?;
            }
        }
        self.write("migrating the receipts", batch)?;
        Ok(count)
    }
}

/// Beside the store, as its record is.
fn copy_of(store: &Path) -> PathBuf {
    let mut name = store.components().collect::<PathBuf>().into_os_string();
    name.push(format!(".format-{FORMER}"));
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Position, Store};

    /// A store that a program of format 2 wrote, and was killed: six submissions and one timestamp in seven entries, and
    /// two submissions that wait. `tests/fixtures/format-2/README.md` says how it was made.
    fn fixture(dir: &Path) -> PathBuf {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/format-2/store");
        let store = dir.join("store");
        copy(&from, &store);
        std::fs::copy(from.with_extension("record"), dir.join("store.record")).unwrap();
        store
    }

    fn copy(from: &Path, to: &Path) {
        std::fs::create_dir(to).unwrap();
        for item in std::fs::read_dir(from).unwrap() {
            let item = item.unwrap();
            std::fs::copy(item.path(), to.join(item.file_name())).unwrap();
        }
    }

    fn origin() -> Origin {
        Origin::new("log.test/format-2").unwrap()
    }

    fn open(store: &Path) -> Result<RocksStore, StoreError> {
        RocksStore::open_or_migrate(store, &origin(), 1 << 20)
    }

    /// The submission root of `count` digests of the texts `file <count>/<number>`.
    fn submission(count: u64) -> Hash {
        let leaves = (0..count)
            .map(|n| hash::leaf_hash(hash::sha256(format!("file {count}/{n}").as_bytes()).as_bytes()));
        treering_tlog::tree::root(&leaves.collect::<Vec<_>>())
    }

    /// All that the former program showed is there.
    fn assert_whole(store: &RocksStore) {
        let loaded = store.load().unwrap();
        assert_eq!((loaded.head.size.get(), loaded.waiting.len(), loaded.next_sequence), (7, 2, 8));
        for count in 1..=5 {
            let place = Position { entry: count - 1, position: 0 };
            assert_eq!(store.position(&submission(count), 0).unwrap(), Some(place));
        }
        assert_eq!(store.position(&submission(6), 0).unwrap(), None);
        assert_eq!(store.receipt_rows().count(), 7);
        let small = hash::sha256(b"small");
        let root = hash::leaf_hash(small.as_bytes());
        assert_eq!(store.small(5, &root).unwrap().as_deref(), Some(&small.as_bytes()[..]));
        let serial = hex::decode("95d031242b68bd5167ac52c8656e0be1").unwrap();
        assert_eq!(store.grant(&serial.try_into().unwrap()).unwrap().map(|place| place.entry), Some(6));
    }

    #[test]
    fn a_store_of_the_former_format_is_migrated_and_checks_clean() {
        let dir = tempfile::tempdir().unwrap();
        let path = fixture(dir.path());
        let store = open(&path).unwrap();
        assert_whole(&store);
        drop(store);
        // Once: the next start finds it as it should be.
        assert_whole(&RocksStore::open(&path, &origin(), 1 << 20).unwrap());
        let policy =
            "log log.test/format-2+d49732b6+Aa1ls8qkrtmzKUQvECce1Ql9+XWuZKFfsSiIw9Dr6o61\nquorum none\n";
        let policy = treering_tlog::policy::Policy::parse(policy.as_bytes());
        let report = crate::check::check_store(
            &path,
            Some(&crate::record::Record::beside(&path)),
            (&origin(), &policy.unwrap()),
        )
        .unwrap();
        assert!(report.is_clean(), "{:?}", report.findings);
        assert_eq!((report.submissions, report.grants, report.checkpoints), (7, 1, 8));
    }

    /// What the former program does with a store: `format` is the first thing that it looks at.
    fn former_program_refuses(store: &Path) -> bool {
        let store = RocksStore::open_unclaimed(store, 1 << 20).unwrap();
        store.get(keys::META, keys::META_FORMAT).unwrap() != Some(FORMER.to_be_bytes().to_vec())
    }

    #[test]
    fn the_former_program_refuses_what_is_migrated_and_opens_the_copy() {
        let dir = tempfile::tempdir().unwrap();
        let path = fixture(dir.path());
        assert!(!former_program_refuses(&path));
        drop(open(&path).unwrap());
        assert!(former_program_refuses(&path));
        let copy = copy_of(&path);
        assert!(!former_program_refuses(&copy));
        // With every row as it was.
        let former = RocksStore::open_copy_unclaimed(&copy).unwrap();
        let rows: Vec<Hash> = former.receipt_rows().map(|row| row.unwrap().0).collect();
        assert_eq!(rows.len(), 7);
        assert!((1..=5).all(|count| rows.contains(&submission(count))));
    }

    #[test]
    fn a_migration_that_was_cut_short_goes_on_at_the_next_start() {
        let dir = tempfile::tempdir().unwrap();
        let path = fixture(dir.path());
        let store = RocksStore::open_unclaimed(&path, 1 << 20).unwrap();
        store.checkpoint_to(&copy_of(&path)).unwrap();
        // As after step 2, with some of step 3.
        let mut batch = WriteBatch::default();
        batch.put_cf(store.family(keys::META), keys::META_MIGRATING, FORMER.to_be_bytes());
        batch.put_cf(store.family(keys::META), keys::META_FORMAT, FORMAT.to_be_bytes());
        let row = keys::receipt(&hash::leaf_hash(submission(2).as_bytes()), 1);
        batch.put_cf(store.family(keys::RECEIPTS), row, 0_u64.to_be_bytes());
        store.write("test", batch).unwrap();
        drop(store);
        assert!(former_program_refuses(&path));
        let refused = RocksStore::open(&path, &origin(), 1 << 20);
        assert!(matches!(refused, Err(StoreError::Older { found: FORMER, known: FORMAT })), "{refused:?}");
        // Without the copy there is nothing to go on from.
        let (there, away) = (copy_of(&path), dir.path().join("away"));
        std::fs::rename(&there, &away).unwrap();
        let refused = open(&path).unwrap_err().to_string();
        assert!(refused.contains("an earlier try was cut short"), "{refused}");
        std::fs::rename(&away, &there).unwrap();
        assert_whole(&open(&path).unwrap());
    }

    #[test]
    fn another_copy_in_the_way_is_never_taken_for_this_ones() {
        let dir = tempfile::tempdir().unwrap();
        let path = fixture(dir.path());
        std::fs::create_dir(copy_of(&path)).unwrap();
        let refused = open(&path).unwrap_err().to_string();
        assert!(refused.contains("store.format-2 is there already"), "{refused}");
        assert!(!former_program_refuses(&path));
    }

    #[test]
    fn a_format_from_the_future_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        let store = open(&path).unwrap();
        let mut batch = WriteBatch::default();
        batch.put_cf(store.family(keys::META), keys::META_FORMAT, (FORMAT + 1).to_be_bytes());
        store.write("test", batch).unwrap();
        drop(store);
        let refused = open(&path).unwrap_err().to_string();
        assert_eq!(
            refused,
            format!("the store has format {}, and this program knows format {FORMAT}", FORMAT + 1)
        );
    }
}
