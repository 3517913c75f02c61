//! Each thing that the check can find: a row that RocksDB holds to be whole, and that says something wrong.
//!
//! The rows are written past the store, by the layout as its documentation has it, so that what is tested is also that the
//! check reads what a log has written.

mod batches;
mod meta;
mod rows;
mod signed;
mod tree;

use super::{Report, Tiles, WIDTH, Walk};
use crate::{
    record::HighMark,
    sample::{Sample, grant, root},
    store::Store as _,
};
use rocksdb::{DB, Options};
use std::path::Path;
use treering_tlog::{
    hash::{self, Hash},
    note::Signature,
    tree::TreeHead,
};

/// One full tile, and one that is being filled.
const ENTRIES: u64 = 258;
const LAST: u64 = ENTRIES - 1;

/// A store's rows, whatever the store makes of them.
struct Rows(DB);

impl Rows {
    fn of(store: &Path) -> Rows {
        let options = Options::default();
        let families = DB::list_cf(&options, store).unwrap();
        Rows(DB::open_cf(&options, store, families).unwrap())
    }

    fn get(&self, family: &str, key: &[u8]) -> Vec<u8> {
        self.0.get_cf(self.0.cf_handle(family).unwrap(), key).unwrap().expect("there is such a row")
    }

    fn put(&self, family: &str, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        self.0.put_cf(self.0.cf_handle(family).unwrap(), key, value).unwrap();
    }

    /// Deletes a row that is there.
    fn delete(&self, family: &str, key: impl AsRef<[u8]>) {
        self.get(family, key.as_ref());
        self.0.delete_cf(self.0.cf_handle(family).unwrap(), key).unwrap();
    }

    /// Flips a bit of a row's byte.
    fn flip(&self, family: &str, key: impl AsRef<[u8]>, at: usize) {
        let mut value = self.get(family, key.as_ref());
        value[at] ^= 1;
        self.put(family, key, value);
    }

    fn change(&self, family: &str, key: impl AsRef<[u8]>, change: impl FnOnce(&mut Vec<u8>)) {
        let mut value = self.get(family, key.as_ref());
        change(&mut value);
        self.put(family, key, value);
    }
}

/// The parts of a key, one after the other.
fn key(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

fn be(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

fn hash_tile(level: u8, index: u64) -> Vec<u8> {
    key(&[&[level], &be(index)])
}

fn bundle(index: u64) -> Vec<u8> {
    key(&[&[255], &be(index)])
}

fn batch_tile(entry: u64, level: u8, index: u64) -> Vec<u8> {
    key(&[&be(entry), &[level], &be(index)])
}

/// Of the submission with this number, in this entry.
fn receipt(sequence: u64, entry: u64) -> Vec<u8> {
    key(&[hash::leaf_hash(root(sequence).as_bytes()).as_bytes(), &be(entry)])
}

fn grant_row(place: u64) -> Vec<u8> {
    key(&[b"s", &grant(0, place).serial])
}

fn grant_tile(entry: u64, level: u8, index: u64) -> Vec<u8> {
    key(&[b"t", &be(entry), &[level], &be(index)])
}

fn of_size(kind: u8, size: u64) -> Vec<u8> {
    key(&[&[kind], &be(size)])
}

fn line(size: u64, line: &Signature) -> Vec<u8> {
    key(&[b"c", &be(size), &line.id().0.to_be_bytes(), line.name().as_str().as_bytes()])
}

/// The number of the submission that an entry beyond the first has.
fn only(entry: u64) -> u64 {
    entry + 2
}

/// What is changed in the rows, and all that the check says of it: places and words, in which a star stands for anything.
type Case = (&'static str, fn(&Rows, &Sample), &'static [(&'static str, &'static str)]);

#[test]
fn a_whole_store_is_clean() {
    let sample = Sample::new(ENTRIES);
    let report = sample.copy().check();
    assert!(report.is_clean() && report.remarks.is_empty(), "{report:#?}");
    let Report { entries, batches, submissions, tiles, checkpoints, published, cosignatures, .. } = report;
    // The grants of the second entry are a submission, too.
    assert_eq!((entries, batches, submissions, tiles), (ENTRIES, ENTRIES, ENTRIES + 3, 5));
    assert_eq!((checkpoints, published, cosignatures), (3, 3, 8));
    assert_eq!((report.unmet, report.grants, report.waiting, report.unlisted), (0, 2, 3, 0));
    // Written past the store, and nothing else than before.
    let copy = sample.copy();
    drop(Rows::of(&copy.store));
    assert!(copy.check().is_clean());
}

#[test]
fn each_wrong_row_is_found_and_named() {
    let sample = Sample::new(ENTRIES);
    let mut wrong = Vec::new();
    for (name, change, wanted) in
        [meta::CASES, tree::CASES, batches::CASES, signed::CASES, rows::CASES].into_iter().flatten()
    {
        let copy = sample.copy();
        let rows = Rows::of(&copy.store);
        change(&rows, &sample);
        drop(rows);
        if let Some(other) = other_than(wanted, &copy.check()) {
            wrong.push(format!("{name}: {other}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_record_that_does_not_go_with_the_store_is_found() {
    let sample = Sample::new(ENTRIES);
    let head = sample.checkpoint(ENTRIES).head;
    let found = |text: Option<HighMark>, wanted: &[(&str, &str)]| {
        let copy = sample.copy();
        match text {
            Some(mark) => copy.record().write(&mark).unwrap(),
            None => std::fs::remove_file(copy.record().path()).unwrap(),
        }
        assert_eq!(other_than(wanted, &copy.check()), None);
    };
    let larger = TreeHead { size: crate::sample::size(ENTRIES + 1), ..head };
    found(
        Some(HighMark { head: larger, ended: false }),
        &[("record", "the store ends at size 258, but this log may have signed size 259*")],
    );
    let other = TreeHead { root: Hash::new([1; 32]), ..head };
    found(
        Some(HighMark { head: other, ended: false }),
        &[("record", "at size 258 the store has another root than the head this log may have signed*")],
    );
    found(None, &[("record", "*store.record is missing, although this log has signed checkpoints*")]);
    found(
        Some(HighMark { head, ended: true }),
        &[(
            "record",
            "the record says that this log has ended at size 258, for ever, and the store has something that waits*",
        )],
    );
    let earlier = HighMark { head: sample.checkpoint(2).head, ended: true };
    found(
        Some(earlier),
        &[(
            "record",
            "the record says that this log has ended at size 2, for ever, and the store goes on behind that*",
        )],
    );
    let copy = sample.copy();
    std::fs::write(copy.record().path(), "treering-record/1\n").unwrap();
    assert_eq!(other_than(&[("record", "*is not a record of a signed head*")], &copy.check()), None);
}

/// What the scrub of a running log finds in receipts' rows: it looks up each row, where the check counts them.
#[test]
fn the_scrub_finds_a_receipts_row_that_is_missing_or_wrong() {
    let sample = Sample::new(ENTRIES);
    let scrubbed = |change: fn(&Rows)| {
        let copy = sample.copy();
        change(&Rows::of(&copy.store));
        let (store, mut report) = (copy.open(), Report::default());
        let mut walk = Walk::new(Tiles::Growing);
        for bundle in 0..ENTRIES.div_ceil(WIDTH) {
            let count = u16::try_from((ENTRIES - bundle * WIDTH).min(WIDTH)).unwrap();
            for (index, bytes) in
                (bundle * WIDTH..).zip(walk.bundle(&store, bundle, count, &mut report).unwrap())
            {
                walk.entry(&store, index, &bytes, &mut report).unwrap();
            }
        }
        walk.partial_tiles(&store, &mut report).unwrap();
        assert_eq!(walk.head(), store.load().unwrap().head);
        report
    };
    let wanted = [("receipt of leaf *", "does not say 0 in entry 40")];
    assert_eq!(other_than(&[], &scrubbed(|_| {})), None);
    assert_eq!(other_than(&wanted, &scrubbed(|rows| rows.delete("receipts", receipt(only(40), 40)))), None);
    assert_eq!(other_than(&wanted, &scrubbed(|rows| rows.flip("receipts", receipt(only(40), 40), 7))), None);
    let short = |rows: &Rows| rows.put("receipts", receipt(only(40), 40), [0; 7]);
    assert_eq!(other_than(&wanted, &scrubbed(short)), None);
}

#[test]
fn beyond_a_number_findings_are_counted() {
    let sample = Sample::new(ENTRIES);
    let copy = sample.copy();
    let rows = Rows::of(&copy.store);
    for entry in 2..ENTRIES {
        rows.delete("receipts", receipt(only(entry), entry));
        rows.put("receipts", receipt(only(entry), ENTRIES + entry), be(0));
    }
    drop(rows);
    let report = copy.check();
    // And one of the number of rows.
    assert_eq!(report.findings.len() as u64 + report.unlisted, ENTRIES - 2 + 1);
    assert_eq!(report.findings.len(), super::MAX_LISTED);
}

/// The report, if it says anything else than this, in this order.
fn other_than(wanted: &[(&str, &str)], report: &Report) -> Option<String> {
    let found: Vec<(&str, &str)> =
        report.findings.iter().map(|finding| (finding.place.as_str(), finding.what.as_str())).collect();
    let same = |((place, what), (found_at, found)): (&(&str, &str), &(&str, &str))| {
        says(found_at, place) && says(found, what)
    };
    let is_it = found.len() == wanted.len() && report.unlisted == 0 && wanted.iter().zip(&found).all(same);
    (!is_it).then(|| format!("{found:#?} where it should say {wanted:#?}"))
}

/// A star stands for anything.
fn says(found: &str, wanted: &str) -> bool {
    let mut parts = wanted.split('*');
    let Some(mut rest) = parts.next().and_then(|first| found.strip_prefix(first)) else { return false };
    let (mut at_end, mut last) = (rest.is_empty(), None);
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        (at_end, last) = (rest.is_empty(), Some(part));
    }
    at_end || last.is_some_and(|part| part.is_empty() || found.ends_with(part))
}

#[test]
fn a_star_stands_for_anything() {
    for (found, wanted, is) in [
        ("abc", "abc", true),
        ("abc", "ab", false),
        ("abc", "a*", true),
        ("abc", "*c", true),
        ("abc", "*b*", true),
        ("abc", "a*b", false),
        ("abc", "b*", false),
        ("abcb", "a*b", true),
    ] {
        assert_eq!(says(found, wanted), is, "{found} {wanted}");
    }
}
