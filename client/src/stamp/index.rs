//! What earlier bundles say of which path, in memory while the tree is walked, and what of it still holds.
//!
//! 60 bytes a record: 16 stand for kind and path, 32 are the SHA-256 digest, 8 what was seen of the file, 4 the record's
//! number. Two bits a record say what came of it. Numbers count all records, bare ones too, over all that was read.

use crate::{
    seen::{self, Stamp},
    tag::Key,
};
use std::ops::Range;
use treering_token::digest::Digests;

/// No more records can be numbered.
const MOST: u32 = u32::MAX;
/// Nothing was seen, or nothing that is to be trusted.
const NOTHING: [u8; 8] = [0; 8];

/// More records than can be numbered.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(
    "an earlier bundle with more than {MOST} records can't be taken over: stamp parts of the tree one by one"
)]
pub(crate) struct TooMany;

/// The records that have a path, by it.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// INVARIANT: sorted by key once [`Index::sort`] was called; those with one key the newest first.
    entries: Vec<Known>,
    /// All records, bare ones too.
    records: u32,
}

/// What came of the records: by their numbers.
#[derive(Debug)]
pub(super) struct Fate {
    kept: Bits,
    /// A newer record takes its place.
    replaced: Bits,
}

/// One record that has a path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    key: Key,
    digest: [u8; 32],
    check: [u8; 8],
    number: u32,
}

/// How a path's records compare with its file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidates<'a>(&'a [Known]);

impl Index {
    /// How many records there are, bare ones too.
    pub(super) fn records(&self) -> u32 {
        self.records
    }

    /// How many have a path.
    pub(super) fn len(&self) -> u64 {
        self.entries.len() as u64
    }

    /// A bare record.
    pub(super) fn push_bare(&mut self) -> Result<(), TooMany> {
        self.records = self.records.checked_add(1).ok_or(TooMany)?;
        Ok(())
    }

    /// A record with a path. What was seen of its file may be said later, by its place among those with a path.
    pub(super) fn push(&mut self, key: Key, digests: &Digests) -> Result<usize, TooMany> {
        let number = self.records;
        self.push_bare()?;
        self.entries.push(Known { key, digest: *digests.sha256(), check: NOTHING, number });
        Ok(self.entries.len() - 1)
    }

    /// The record at this place among those with a path, without further digests. Before [`Index::sort`].
    pub(super) fn get(&self, place: usize) -> (Key, Digests) {
        let known = &self.entries[place];
        (known.key, Digests::new(known.digest))
    }

    /// What was seen of the file of the record at this place among those with a path. Before [`Index::sort`].
    pub(super) fn see(&mut self, place: usize, size: u64, stamp: &Stamp) {
        self.entries[place].check = seen::check(size, stamp);
    }

    /// All is there; from now on it can be searched. The first `left` records are what interrupted runs left, one behind the
    /// other: each is newer than those before it, and all are newer than the rest. A bundle has the newest runs first.
    pub(super) fn sort(&mut self, left: u32) {
        let age = |number: u32| if number < left { left - number } else { number };
        self.entries.sort_unstable_by_key(|known| (known.key, known.number >= left, age(known.number)));
        self.entries.shrink_to_fit();
    }

    pub(super) fn find(&self, key: Key) -> Candidates<'_> {
        let from = self.entries.partition_point(|known| known.key < key);
        let same = self.entries[from..].partition_point(|known| known.key == key);
        Candidates(&self.entries[from..from + same])
    }
}

impl Fate {
    /// Nothing is known yet.
    pub(super) fn of(index: &Index) -> Fate {
        Fate { kept: Bits::new(index.records), replaced: Bits::new(index.records) }
    }

    /// This record still holds, and takes the place of the others of its path.
    pub(super) fn keep(&mut self, number: u32, of: Candidates<'_>) {
        self.kept.set(number);
        if of.0.len() > 1 {
            self.replace(of);
        }
    }

    /// A newer record takes the place of these.
    pub(super) fn replace(&mut self, Candidates(known): Candidates<'_>) {
        known.iter().for_each(|known| self.replaced.set(known.number));
    }

    /// Keeps the newest of these, whatever the file says: it could not be read.
    pub(super) fn keep_unread(&mut self, of: Candidates<'_>) {
        if let Some(newest) = of.0.first() {
            self.keep(newest.number, of);
        }
    }

    /// Keeps the newest of each path that was not met: not everything could be searched. How many more that are.
    pub(super) fn keep_unmet(&mut self, index: &Index) -> u64 {
        let mut more = 0;
        for of in index.entries.chunk_by(|one, other| one.key == other.key) {
            if of.iter().all(|known| self.is_gone(known)) {
                self.keep_unread(Candidates(of));
                more += 1;
            }
        }
        more
    }

    pub(super) fn is_kept(&self, number: u32) -> bool {
        self.kept.get(number)
    }

    /// Is one of these kept?
    pub(super) fn any_kept(&self, mut numbers: Range<u32>) -> bool {
        numbers.any(|number| self.kept.get(number))
    }

    /// Is a record with a path among these that doesn't hold any more?
    pub(super) fn any_stale(&self, index: &Index, numbers: Range<u32>) -> bool {
        index.entries.iter().any(|known| numbers.contains(&known.number) && !self.kept.get(known.number))
    }

    /// Those that are neither kept nor replaced.
    pub(super) fn gone(&self, index: &Index) -> u64 {
        index.entries.iter().filter(|known| self.is_gone(known)).count() as u64
    }

    fn is_gone(&self, known: &Known) -> bool {
        !self.kept.get(known.number) && !self.replaced.get(known.number)
    }
}

impl Candidates<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Was anything seen of the file when it was hashed?
    pub(super) fn was_seen(&self) -> bool {
        self.0.iter().any(|known| known.check != NOTHING)
    }

    /// The record of what the file was when it was hashed and looked as it does now.
    pub(super) fn unchanged(&self, size: u64, stamp: &Stamp) -> Option<u32> {
        let check = seen::check(size, stamp);
        self.0.iter().find(|known| known.check == check).and_then(|known| self.oldest(&known.digest))
    }

    /// The record that says just this.
    pub(super) fn same(&self, digests: &Digests) -> Option<u32> {
        self.oldest(digests.sha256())
    }

    /// Of several that say the same, the one with the earliest evidence.
    fn oldest(&self, digest: &[u8; 32]) -> Option<u32> {
        self.0.iter().rfind(|known| known.digest == *digest).map(|known| known.number)
    }
}

#[derive(Debug, Default)]
struct Bits(Vec<u64>);

impl Bits {
    fn new(count: u32) -> Bits {
        Bits(vec![0; (count as usize).div_ceil(64)])
    }

    fn set(&mut self, at: u32) {
        self.0[at as usize / 64] |= 1 << (at % 64);
    }

    fn get(&self, at: u32) -> bool {
        self.0[at as usize / 64] >> (at % 64) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use treering_token::bundle::{Kind, RelativePath};

    fn key(name: &str) -> Key {
        Key::of(Kind::File, &RelativePath::new(name.into()).unwrap())
    }

    #[test]
    fn a_record_costs_sixty_bytes() {
        assert_eq!(size_of::<Known>(), 60);
    }

    #[test]
    fn records_are_found_and_what_came_of_them_is_known() {
        let mut index = Index::default();
        for (name, digest) in [("a", 1), ("b", 2), ("c", 3), ("a", 4), ("d", 5)] {
            index.push(key(name), &Digests::new([digest; 32])).unwrap();
            index.push_bare().unwrap();
        }
        index.sort(0);
        assert_eq!((index.records(), index.len()), (10, 5));
        assert_eq!(index.find(key("a")).same(&Digests::new([4; 32])), Some(6));
        assert_eq!(index.find(key("a")).same(&Digests::new([2; 32])), None, "that is b's");
        assert!(index.find(key("e")).is_empty());
        let mut fate = Fate::of(&index);
        fate.keep(6, index.find(key("a")));
        fate.replace(index.find(key("b")));
        fate.keep_unread(index.find(key("c")));
        assert_eq!(fate.gone(&index), 1, "d: the other a is replaced");
        assert!(fate.any_kept(4..7) && !fate.any_kept(0..4) && !fate.any_kept(7..10));
        assert!(fate.any_stale(&index, 0..4) && !fate.any_stale(&index, 3..8));
        assert_eq!(fate.keep_unmet(&index), 1);
        assert!(fate.is_kept(8) && !fate.is_kept(2) && !fate.is_kept(0), "what is replaced stays so");
        assert_eq!(fate.gone(&index), 0);
    }

    /// Of two records of one path, one would say of the file that it was changed.
    #[test]
    fn of_each_path_that_is_not_met_the_newest_record_is_kept_alone() {
        let mut index = Index::default();
        // Two runs that were interrupted, and the bundle that they were to bring up to date.
        for (name, digest) in [("a", 2), ("b", 2), ("a", 3), ("a", 1), ("b", 1), ("c", 1)] {
            index.push(key(name), &Digests::new([digest; 32])).unwrap();
        }
        index.sort(3);
        let mut fate = Fate::of(&index);
        assert_eq!(fate.keep_unmet(&index), 3);
        let kept = |fate: &Fate| (0..6).filter(|number| fate.is_kept(*number)).collect::<Vec<_>>();
        assert_eq!((kept(&fate), fate.gone(&index)), (vec![1, 2, 5], 0));
        let mut fate = Fate::of(&index);
        fate.keep_unread(index.find(key("a")));
        assert_eq!(fate.keep_unmet(&index), 2);
        assert_eq!(kept(&fate), [1, 2, 5], "nor is an older one kept beside one that can't be read");
    }

    #[test]
    fn of_records_that_say_the_same_the_earliest_evidence_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        std::fs::write(&path, "abc").unwrap();
        let (size, stamp) = Stamp::at(&path).unwrap();
        let mut index = Index::default();
        for digest in [1, 2, 1] {
            let place = index.push(key("a"), &Digests::new([digest; 32])).unwrap();
            index.see(place, size, &stamp);
        }
        index.sort(2);
        let a = index.find(key("a"));
        assert_eq!((a.same(&Digests::new([1; 32])), a.same(&Digests::new([2; 32]))), (Some(2), Some(1)));
        assert_eq!(a.unchanged(size, &stamp), Some(1), "the newest knows what the file is");
    }

    #[test]
    fn what_was_seen_spares_reading_only_while_it_looks_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        std::fs::write(&path, "abc").unwrap();
        let (size, stamp) = Stamp::at(&path).unwrap();
        let mut index = Index::default();
        let place = index.push(key("a"), &Digests::new([1; 32])).unwrap();
        index.push(key("b"), &Digests::new([1; 32])).unwrap();
        index.see(place, size, &stamp);
        index.sort(0);
        assert_eq!(index.find(key("a")).unchanged(size, &stamp), Some(0));
        let b = index.find(key("b"));
        assert!(!b.was_seen() && b.unchanged(size, &stamp).is_none());
        std::fs::write(&path, "abcd").unwrap();
        let (size, stamp) = Stamp::at(&path).unwrap();
        assert_eq!(index.find(key("a")).unchanged(size, &stamp), None);
    }
}
